// Markdown text → tokens: marked's lexer with GitHub's rules, plus mathematics, plus bounds. A bound makes something
// plain text; it never depends on time, so that the same text always gives the same tokens.

import { Lexer, Tokenizer } from "../vendor/answer.js";
import { mathBlock, mathInline } from "./formulas.js";
import { SEGMENT, nextCut } from "./segments.js";

/** @typedef {import("../vendor/answer.js").Tokens.Generic} Token */
/** @typedef {import("../vendor/answer.js").TokensList["links"]} Links */
/** @typedef {Token[] & {links: Links}} Tokens */

/**
 * Containers in containers, and spans in spans. Each level of a container reads its content once more, and marked calls
 * itself: without a bound 5,000 times `>` overflow the stack. People stop at five.
 */
const DEPTH = 24;

/**
 * Quotes with lines that continue them without a `>`: marked takes the square of their number (16,000 took 2 s). More
 * of them than this make the whole text plain.
 */
const LAZY_LINES = 1_000;
const LAZY_LINE = /^ {0,3}>.*\n(?! {0,3}>)(?=[^\n])/gm;

/**
 * Read a text.
 *
 * @param {string} text
 * @param {{open?: boolean, links?: Links}} [how]  `open`: the text is not all there yet, so that a formula that has
 *   begun is taken for one. `links`: what earlier text has defined.
 * @returns {Tokens}
 */
export function lex(text, { open = false, links = {} } = {}) {
  const lexer = new BoundedLexer(open);
  Object.assign(lexer.tokens.links, links);
  if (isHostile(text)) {
    lexer.tokens.push(plain(text));
    return lexer.tokens;
  }
  return lexer.lex(text);
}

/**
 * Read what stands in one block.
 *
 * @param {string} text
 * @param {Links} links
 * @returns {Token[]}
 */
export function lexInline(text, links) {
  const lexer = new BoundedLexer(false);
  Object.assign(lexer.tokens.links, links);
  return lexer.inlineTokens(text);
}

/** @param {string} text Whether reading it would take far longer than its length allows. */
export function isHostile(text) {
  if (text.length < LAZY_LINES * 4) return false;
  let found = 0;
  LAZY_LINE.lastIndex = 0;
  while (found <= LAZY_LINES && LAZY_LINE.test(text)) found += 1;
  return found > LAZY_LINES;
}

class BoundedLexer extends Lexer {
  /** How deep in containers, and in spans, it is reading. */
  #depth;
  #spans = 0;

  /** @param {boolean} open */
  constructor(open) {
    const depth = { blocks: 0 };
    const extensions = {
      renderers: {},
      childTokens: {},
      inline: [mathInline.tokenize],
      startInline: [mathInline.start],
    };
    // The end of a container's content need not be the end of the text.
    const block = mathBlock(() => open && depth.blocks === 1);
    super({
      gfm: true,
      tokenizer: new NoteTokenizer(),
      extensions: { ...extensions, block: [block.tokenize], startBlock: [block.start] },
    });
    this.#depth = depth;
  }

  /**
   * @override
   * @param {string} src
   * @param {any} [tokens]
   * @param {boolean} [clipped]
   * @returns {any}
   */
  blockTokens(src, tokens = [], clipped = false) {
    if (this.#depth.blocks >= DEPTH) {
      if (src !== "") tokens.push(plain(src));
      this.state.top = true;
      return tokens;
    }
    this.#depth.blocks += 1;
    try {
      return super.blockTokens(src, tokens, clipped);
    } finally {
      this.#depth.blocks -= 1;
    }
  }

  /**
   * @override
   * @param {string} src
   * @param {any[]} [tokens]
   * @returns {any[]}
   */
  inlineTokens(src, tokens = []) {
    if (this.#spans >= DEPTH) {
      tokens.push({ type: "text", raw: src, text: src, escaped: true });
      return tokens;
    }
    this.#spans += 1;
    try {
      return this.#spans === 1 ? this.#pieces(src, tokens) : super.inlineTokens(src, tokens);
    } finally {
      this.#spans -= 1;
    }
  }

  /**
   * @param {string} src
   * @param {any[]} tokens
   */
  #pieces(src, tokens) {
    let rest = src;
    if (src.length > SEGMENT) {
      const read = (/** @type {string} */ text) => this.#piece(text, []);
      for (let cut = nextCut(rest, read); cut > 0; cut = nextCut(rest, read)) {
        this.#piece(rest.slice(0, cut), tokens);
        rest = rest.slice(cut);
      }
    }
    return this.#piece(rest, tokens);
  }

  /**
   * Read as if nothing stood before it: an `<a>` or a `<code>` that is left open would change how all text after it is
   * read, even in other blocks.
   *
   * @param {string} src
   * @param {any[]} tokens
   * @returns {any[]}
   */
  #piece(src, tokens) {
    this.state.inLink = false;
    this.state.inRawBlock = false;
    return super.inlineTokens(src, tokens);
  }
}

/** Leaves the text of a footnote where it stands: marked would take `[^1]: https://…` for the definition of a link. */
class NoteTokenizer extends Tokenizer {
  /**
   * @override
   * @param {string} src
   */
  def(src) {
    return /^ {0,3}\[\^/.test(src) ? undefined : super.def(src);
  }
}

/**
 * @param {string} text
 * @returns {Token}
 */
function plain(text) {
  return { type: "plain", raw: text, text };
}
