// What of a text that is still coming cannot change any more. Decided from whole lines: half a line may turn out to be
// anything. That streamed and rendered at once are the same depends on this module.

import { lex, lexInline } from "./lexer.js";
import { SEGMENT, nextCut } from "./segments.js";

/** @typedef {import("./lexer.js").Token} Token */
/** @typedef {import("./lexer.js").Links} Links */

/**
 * The finished beginning of a block that goes on.
 *
 * @typedef {object} Beginning
 * @property {Token} done  The block with nothing but what is finished.
 * @property {number} cut  Where in its source the rest begins.
 * @property {number} depth  How many elements deep inside the block's own one the finished and the coming ones meet.
 * @property {string} head  What has to stand before the rest so that it is read as the same block.
 * @property {string} kept  The source of what the rest has to be read as; empty where that needs no check.
 */

/**
 * Count the blocks that are finished.
 *
 * @param {Token[]} tokens
 * @param {string} lines  Whole lines, of which the tokens were read.
 * @param {Links} links
 */
export function countFinished(tokens, lines, links) {
  const count = firstOpen(tokens);
  if (count === 0 || count === tokens.length) return count;
  // What stands before a block may make it what it is: a closing tag begins a block, for one, but not after text.
  const alone = lex(lines.slice(source(tokens.slice(0, count)).length), { open: true, links });
  const isAlike = tokens.slice(count).every(({ type, raw }, at) => alone[at]?.type === type && alone[at].raw === raw);
  return isAlike ? count : 0;
}

/**
 * Give the index of the first token that may still change.
 *
 * @param {Token[]} tokens
 */
function firstOpen(tokens) {
  const solid = [...tokens.keys()].filter((at) => tokens[at].type !== "space");
  const last = solid.at(-1);
  if (last === undefined) return 0;
  const over = solid.findLast((at) => isOver(tokens[at], tokens[at + 1]));
  return Math.max(over === undefined ? 0 : over + 1, before(tokens, solid));
}

/**
 * A block has ended where the next one has begun, and that is certain once the next one has two whole lines: a table
 * needs them to be one.
 *
 * @param {Token[]} tokens
 * @param {number[]} solid
 */
function before(tokens, solid) {
  const last = solid[solid.length - 1];
  const rest = tokens
    .slice(last)
    .map((token) => token.raw)
    .join("");
  const isCertain = rest.indexOf("\n") !== rest.lastIndexOf("\n") && !tokens[last].open;
  return isCertain ? last : (solid.at(-2) ?? 0);
}

/**
 * @param {Token} token
 * @param {Token | undefined} next
 */
function isOver(token, next) {
  if (isFence(token)) return (next !== undefined || token.raw.endsWith("\n")) && isClosedFence(token);
  const isWhole = ["paragraph", "heading", "hr", "table", "mathBlock"].includes(token.type) && !token.open;
  return isWhole && next?.type === "space" && /\n[ \t]*\n/.test(next.raw);
}

/** @param {Token} token */
export function isFence(token) {
  return token.type === "code" && token.codeBlockStyle !== "indented";
}

/** @param {Token} token */
export function isClosedFence(token) {
  const raw = token.raw.endsWith("\n") ? token.raw.slice(0, -1) : token.raw;
  const line = raw.lastIndexOf("\n") + 1;
  const marker = /^ {0,3}(`{3,}|~{3,})/.exec(token.raw)?.[1] ?? "";
  return line > 0 && marker !== "" && new RegExp(`^ {0,3}${marker}${marker[0]}* *$`).test(raw.slice(line));
}

/**
 * Find the finished beginning of a container.
 *
 * @param {Token[]} tokens
 * @param {string} source  Whole lines, of which the tokens were read.
 * @returns {Beginning | null} `null` where they are more than one block, or nothing of it is finished.
 */
export function beginning(tokens, source) {
  const token = onlyBlock(tokens);
  if (token === null) return null;
  if (token.type === "table") return ofTable(token, source);
  const found = ofLines(token.type === "list" ? listPart(token) : quotePart(token), source);
  return found !== null && isReadAlike(found, source, token.type) ? found : null;
}

/**
 * Find the finished beginning of a paragraph; its last line need not be whole.
 *
 * @param {string} source
 * @param {Links} links
 * @returns {Beginning | null}
 */
export function beginningOfParagraph(source, links) {
  if (source.length <= SEGMENT) return null;
  const token = onlyBlock(lex(source, { open: true, links }));
  return token?.type === "paragraph" ? ofParagraph(token, source, links) : null;
}

/**
 * @param {Token[]} tokens
 * @returns {Token | null}
 */
function onlyBlock([token, ...others]) {
  return token !== undefined && others.every((other) => other.type === "space") ? token : null;
}

/** A line that may make what stands above it a heading or the head of a table. */
const UNDERLINE = /\n[ \t]*[-=|:][-=|: \t]*(?:\n|$)/;

/**
 * Whether the rest of a paragraph can no longer be read by itself.
 *
 * @param {string} rest
 */
export function looksBack(rest) {
  return UNDERLINE.test(rest);
}

/**
 * @param {Token} token
 * @param {string} source
 * @param {Links} links
 * @returns {Beginning | null}
 */
function ofParagraph(token, source, links) {
  let cut = 0;
  const read = (/** @type {string} */ text) => lexInline(text, links);
  for (let next = nextCut(token.raw, read); next > 0; next = nextCut(token.raw.slice(cut), read)) cut += next;
  const rest = source.slice(cut);
  if (cut === 0 || !beginsParagraph(rest) || looksBack(rest)) return null;
  const done = { type: "paragraph", raw: "", tokens: lexInline(source.slice(0, cut), links) };
  return { done, cut, depth: 0, head: "", kept: "" };
}

/** @param {string} rest It begins with a letter, unless the piece before it had to end somewhere. */
function beginsParagraph(rest) {
  return /^\p{L}/u.test(rest) || onlyBlock(lex(rest, { open: true }))?.type === "paragraph";
}

/**
 * @param {Token} token
 * @param {string} source
 * @returns {Beginning | null}
 */
function ofTable(token, source) {
  const dropped = token.rows.length - 2;
  const lines = token.raw.trimEnd().split("\n");
  if (dropped < 1 || lines.length !== token.rows.length + 2) return null;
  const head = `${lines.slice(0, 2).join("\n")}\n`;
  const cut = lines.slice(0, dropped + 2).join("\n").length + 1;
  if (!source.startsWith(head)) return null;
  return { done: { ...token, rows: token.rows.slice(0, dropped) }, cut, depth: 2, head, kept: "" };
}

/**
 * The finished part of a container, measured in lines: around them may stand the marks of other containers.
 *
 * @typedef {{done: Token, lines: number, depth: number, kept: string}} Part
 */

/**
 * @param {Part | null} part
 * @param {string} source
 * @returns {Beginning | null}
 */
function ofLines(part, source) {
  if (part === null) return null;
  let cut = 0;
  for (let line = 0; line < part.lines; line += 1) cut = source.indexOf("\n", cut) + 1;
  return { done: part.done, cut, depth: part.depth, head: "", kept: part.kept };
}

/**
 * @param {Token} token
 * @returns {Part | null}
 */
function listPart(token) {
  if (token.items.length < 3) return null;
  const done = token.items.slice(0, -2);
  const [loose] = lex(source(token.items.slice(0, -1)));
  return {
    done: { ...token, items: done, loose: loose?.loose === true },
    lines: count(source(done)),
    depth: 0,
    kept: source(token.items.slice(-2)),
  };
}

/**
 * @param {Token} token
 * @returns {Part | null}
 */
function quotePart(token) {
  if (token.type !== "blockquote") return null;
  const tokens = token.tokens ?? [];
  const open = firstOpen(tokens);
  const done = tokens.slice(0, open);
  if (done.some((inner) => inner.type !== "space")) {
    const raw = source(done);
    if (!raw.endsWith("\n") || mayBeFormula(raw)) return null;
    return { done: { ...token, tokens: done }, lines: count(raw), depth: 0, kept: source(tokens.slice(open)) };
  }
  const solid = tokens.filter((inner) => inner.type !== "space");
  if (solid.length !== 1) return null;
  const part = solid[0].type === "list" ? listPart(solid[0]) : quotePart(solid[0]);
  return part === null ? null : { ...part, done: { ...token, tokens: [part.done] }, depth: part.depth + 1 };
}

/** @param {string} raw Whether a formula may begin here and end in what comes: blocks between then are none. */
function mayBeFormula(raw) {
  return raw.split("$$").length % 2 === 0 || raw.split("\\[").length > raw.split("\\]").length;
}

/** @param {Token[]} tokens */
function source(tokens) {
  return tokens.map((token) => token.raw).join("");
}

/** @param {string} text */
function count(text) {
  return text.split("\n").length - 1;
}

/**
 * Whether the rest, read by itself, is what it was as part of the whole.
 *
 * @param {Beginning} found
 * @param {string} text
 * @param {string} type
 */
function isReadAlike({ cut, depth, head, kept }, text, type) {
  if (kept === "") return true;
  let token = onlyBlock(lex(head + text.slice(cut), { open: true }));
  if (token?.type !== type) return false;
  for (let level = 0; level < depth; level += 1) token = token.tokens?.[0] ?? token;
  return source(token.type === "list" ? token.items : (token.tokens ?? [])) === kept;
}
