// Markdown → nodes, at once.

import { blocks } from "./blocks.js";
import { countFinished } from "./finished.js";
import { isHostile, lex } from "./lexer.js";
import { settle } from "./settle.js";

/** @typedef {import("./lexer.js").Token} Token */

/** How much is read at a time: some blocks make marked look through all that follows, for every one of them. */
export const WINDOW = 8_000;

/**
 * Render a whole text. Code is coloured and formulas are drawn later; the nodes have to be put into the page at once,
 * those that are not in it then stay plain.
 *
 * @param {string} text
 * @returns {DocumentFragment}
 */
export function renderMarkdown(text) {
  const made = blocks(readMarkdown(text));
  settle(made);
  return made;
}

/**
 * @param {string} text
 * @returns {Token[]}
 */
export function readMarkdown(text) {
  if (isHostile(text)) return lex(text);
  const lines = text.replace(/\r\n?/g, "\n");
  const links = Object.create(null);
  const tokens = readWindows(lines, links);
  // A definition may stand behind its use.
  return lines.length > WINDOW && Object.keys(links).length > 0 ? readWindows(lines, links) : tokens;
}

/**
 * @param {string} text
 * @param {import("./lexer.js").Links} links  What is defined is added.
 * @returns {Token[]}
 */
function readWindows(text, links) {
  const tokens = [];
  let rest = text;
  for (let size = WINDOW; rest.length > size;) {
    const lines = rest.slice(0, rest.lastIndexOf("\n", size) + 1);
    const read = lex(lines, { open: true, links });
    const count = countFinished(read, lines, links);
    for (const token of read.slice(0, count)) {
      tokens.push(token);
      rest = rest.slice(token.raw.length);
    }
    Object.assign(links, { ...read.links, ...links });
    size = count > 0 ? WINDOW : size * 2;
  }
  const read = lex(rest, { links });
  Object.assign(links, read.links);
  return [...tokens, ...read];
}
