// How mathematics is written: `\(…\)` in a line, `$$…$$` and `\[…\]` in a line or as a block of their own. A single
// dollar is money. Extensions for marked's lexer; what a formula looks like is in `math.js`.

/** @typedef {import("./lexer.js").Token} Token */

/** The longest formula. It bounds how far ahead a delimiter without its partner makes the lexer look. */
export const FORMULA = 4_000;

/** @type {Record<string, string>} */
const PARTNERS = { "\\(": "\\)", "\\[": "\\]", $$: "$$" };

/**
 * A line that begins with the delimiter of a block, further down in the paragraph that the text begins with, or one
 * that may end that paragraph, where the search stops: else it would go to the end of the text for every paragraph.
 */
const IN_PARAGRAPH = /\n(?:( {0,3}(?:\$\$|\\\[))|[ \t]*(?:\n|$|[#>*+|~`<=_\d-]))/g;

export const mathInline = {
  /**
   * @param {string} text
   * @returns {Token | undefined}
   */
  tokenize(text) {
    const partner = PARTNERS[text.slice(0, 2)];
    const tex = partner === undefined ? null : inside(text, 2, partner);
    if (tex === null || tex.trim() === "") return undefined;
    return { type: "math", raw: text.slice(0, tex.length + 4), text: tex, block: partner !== "\\)" };
  },

  /** @param {string} text The other delimiters begin with a backslash, where marked's own text ends. */
  start(text) {
    return text.indexOf("$$");
  },
};

/** @param {() => boolean} isOpen Whether the text may go on, so that a formula that has no end yet is one. */
export function mathBlock(isOpen) {
  /**
   * @param {string} text
   * @returns {Token | undefined}
   */
  const tokenize = (text) => {
    const opening = /^ {0,3}(\$\$|\\\[)/.exec(text);
    if (opening === null) return undefined;
    const partner = PARTNERS[opening[1]];
    const tex = inside(text, opening[0].length, partner);
    if (tex === null) return isOpen() ? unfinished(text, opening[0].length) : undefined;
    const ends = opening[0].length + tex.length + partner.length;
    const after = /^[ \t]*(?:\n|$)/.exec(text.slice(ends, ends + 100));
    if (after === null || tex.trim() === "") return undefined;
    return { type: "mathBlock", raw: text.slice(0, ends) + after[0], text: tex };
  };
  return { tokenize, start: (/** @type {string} */ text) => startInParagraph(text, tokenize) };
}

/**
 * @param {string} text
 * @param {number} from
 * @param {string} partner
 * @returns {string | null} What stands before the partner; a formula has no blank line.
 */
function inside(text, from, partner) {
  const near = text.slice(from, from + FORMULA);
  const end = near.indexOf(partner);
  const tex = near.slice(0, Math.max(end, 0));
  return end < 0 || /\n[ \t]*\n/.test(tex) ? null : tex;
}

/**
 * @param {string} text
 * @param {number} from
 * @returns {Token | undefined}
 */
function unfinished(text, from) {
  if (text.length - from >= FORMULA || /\n[ \t]*\n/.test(text.slice(from))) return undefined;
  return { type: "mathBlock", raw: text, text: text.slice(from), open: true };
}

/**
 * @param {string} text
 * @param {(text: string) => Token | undefined} tokenize
 */
function startInParagraph(text, tokenize) {
  if (!text.includes("$$") && !text.includes("\\[")) return -1;
  const lastPartner = Math.max(text.lastIndexOf("\\]"), text.lastIndexOf("$$"));
  IN_PARAGRAPH.lastIndex = 0;
  for (let line = IN_PARAGRAPH.exec(text); line !== null; line = IN_PARAGRAPH.exec(text)) {
    if (line[1] === undefined) return -1;
    const mayEnd = line.index < lastPartner || text.length - line.index < FORMULA;
    if (mayEnd && tokenize(text.slice(line.index + 1))) return line.index + 1;
  }
  return -1;
}
