// Long texts of one kind each, for measuring: whatever an answer is made of, the work has to stay in proportion to it.

const WORDS =
  "the gateway streams every answer in small pieces and the page shows them as they come so that nobody has to wait for " +
  "the end of a long reply while the model is still thinking about what it wants to say next in this paragraph";

/** @param {number} from */
function sentence(from) {
  const words = WORDS.split(" ");
  const taken = Array.from({ length: 12 }, (_, at) => words[(from * 7 + at) % words.length]);
  const marked = [
    `**${taken[2]}**`,
    `\`${taken[2]}\``,
    `*${taken[2]}*`,
    `[${taken[2]}](https://example.com/${from})`,
    taken[2],
  ];
  taken[2] = marked[from % marked.length];
  return `${taken.join(" ")}.`;
}

/**
 * @param {number} length
 * @param {(at: number) => string} piece
 */
function fill(length, piece) {
  const pieces = [];
  let total = 0;
  for (let at = 0; total < length; at += 1) {
    pieces.push(piece(at));
    total += pieces[at].length;
  }
  return pieces.join("").slice(0, length);
}

/** @param {number} from */
function code(from) {
  return `  const value${from} = compute(${from}, "text"); // line ${from}\n`;
}

/** @param {number} at */
function prose(at) {
  if (at % 12 === 0) return `## Part ${at / 12 + 1}\n\n`;
  if (at % 12 === 5) return `- ${sentence(at)}\n- ${sentence(at + 1)}\n  1. ${sentence(at + 2)}\n\n`;
  if (at % 12 === 8) return `\`\`\`js\n${Array.from({ length: 12 }, (_, line) => code(line)).join("")}\`\`\`\n\n`;
  if (at % 12 === 10) return `| a | b |\n|---|--:|\n| ${sentence(at)} | 1 |\n| x | 2 |\n\n`;
  return `${sentence(at)} ${sentence(at + 1)} ${sentence(at + 2)}\n\n`;
}

/** @type {Record<string, (length: number) => string>} */
export const long = {
  prose: (length) => fill(length, prose),
  paragraph: (length) => fill(length, (at) => `${sentence(at)} `),
  "wrapped paragraph": (length) => fill(length, (at) => `${sentence(at)}\n`),
  list: (length) => fill(length, (at) => `- ${sentence(at)}\n`),
  "loose list": (length) => fill(length, (at) => `${at + 1}. ${sentence(at)}\n\n`),
  table: (length) =>
    `| name | text | n |\n|:--|---|--:|\n${fill(length, (at) => `| row ${at} | ${sentence(at)} | ${at} |\n`)}`,
  fence: (length) => `\`\`\`js\n${fill(length, code)}`,
  "indented code": (length) => fill(length, (at) => `    ${code(at)}`),
  "nested quotes": (length) => fill(length, (at) => (at % 4 === 3 ? "> > >\n" : `> > > ${sentence(at)}\n`)),
  "quoted list": (length) => fill(length, (at) => `> - ${sentence(at)}\n`),
  "list item": (length) => `- item\n${fill(length, (at) => `\n  ${sentence(at)}\n`)}`,
  "nested list": (length) => `1. item\n${fill(length, (at) => `   - ${sentence(at)}\n`)}`,
};
