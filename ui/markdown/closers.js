// The marks that would close what is open at the end of a text. For the eye only: it reads marks as Markdown nearly
// always does, in one pass; the few cases in which Markdown decides otherwise are right once the text is finished.

/** Where the text of the last block begins: after a blank line, the mark of a list, a heading or a quote, or a bar. */
const BLOCK = /\n[ \t]*\n|(?:^|\n)[ \t>]*(?:[-+*]|\d{1,9}[.)]|#{1,6}|>)(?=[ \t])|(?<!\\)\|(?=[^\n]*$)/g;

const FENCE = /^[ \t>]*(?:(?:[-+*]|\d{1,9}[.)])[ \t]+)*(?:`{3,}|~{3,})/gm;
/** What the marks in are none: formulas, escapes, where links lead, tags. Then the marks. */
const RUN = new RegExp(
  [
    String.raw`\\\(.*?\\\)|\\\[.*?\\\]|\$\$.*?\$\$|\\.`,
    String.raw`\]\((?:[^()\s]|\([^()\s]*\))*\)|https?:\/\/\S*|<[^<>\n]*>`,
    String.raw`\x60+|\*+|_+|~~`,
  ].join("|"),
  "gsu",
);
const WORD = /[\p{L}\p{N}]/u;

/**
 * @param {string} text
 * @returns {string} Innermost first.
 */
export function closers(text) {
  const isCode = ((text.match(FENCE) ?? []).length & 1) === 1;
  return isCode ? "" : closeAll(lastBlock(text));
}

/** @param {string} text */
function lastBlock(text) {
  let start = 0;
  for (const found of text.matchAll(BLOCK)) start = found.index + found[0].length;
  return text.slice(start);
}

/** @param {string} text */
function closeAll(text) {
  /** @type {string[]} */
  const open = [];
  let skipTo = 0;
  for (const { 0: run, index } of text.matchAll(RUN)) {
    if (index < skipTo || !"`*_~".includes(run[0])) continue;
    if (run[0] === "`") {
      const end = endOfCode(text, index, run);
      if (end === 0) return [...open, run].reverse().join("");
      skipTo = end;
    } else {
      readRun(open, run, text[index - 1] ?? " ", text[index + run.length] ?? " ");
    }
  }
  return open.reverse().join("");
}

/**
 * @param {string} text
 * @param {number} index
 * @param {string} run
 * @returns {number} 0 where the code is not closed.
 */
function endOfCode(text, index, run) {
  const from = index + run.length;
  const end = new RegExp(`(?<!\`)${run}(?!\`)`, "g");
  end.lastIndex = from;
  const found = end.exec(text);
  return found === null ? 0 : found.index + run.length;
}

/**
 * @param {string[]} open  Outermost first; changed.
 * @param {string} run
 * @param {string} before  One character.
 * @param {string} after
 */
function readRun(open, run, before, after) {
  const mark = run[0];
  const isInWord = mark === "_" && WORD.test(before) && WORD.test(after);
  if (isInWord || run.length > 3) return;
  let left = run.length;
  while (left > 0 && /\S/.test(before)) {
    const at = open.findLastIndex((one) => one[0] === mark && one.length <= left);
    if (at < 0) break;
    left -= open[at].length;
    open.splice(at);
  }
  if (left === 0 || /\s/.test(after)) return;
  if (mark === "~") open.push(run);
  else open.push(...(left === 3 ? [mark, mark + mark] : [mark.repeat(left)]));
}
