// The nodes of a text that is still coming: finished ones, which are not touched again, and behind them open ones.

import { blocks } from "./blocks.js";
import { continues, patch } from "./patch.js";
import { settle } from "./settle.js";

/** @typedef {import("./lexer.js").Token} Token */
/** @typedef {import("./patch.js").Frame} Frame */

export class Sheet {
  #root;
  /** The last finished child. @type {ChildNode | null} */
  #last = null;
  /** The unfinished elements with a finished beginning, from the outermost. @type {Frame[]} */
  #frames = [];

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
  }

  /** Whether a paragraph has a finished beginning. */
  get hasParagraph() {
    return this.#frames[0]?.element.localName === "p";
  }

  /** Take the beginning of the open block for unfinished again. */
  reopen() {
    this.#frames = [];
  }

  /**
   * Show open blocks; those that were shown go.
   *
   * @param {Token[]} tokens
   * @returns {boolean} Whether they go on with what has a finished beginning; if not, nothing was done.
   */
  show(tokens) {
    const nodes = [...blocks(tokens).childNodes];
    if (nodes.length > 0 && !continues(this.#frames, nodes[0])) return false;
    patch(this.#root, this.#firstOpen(), nodes, this.#frames);
    return true;
  }

  /**
   * Show blocks that will not change any more.
   *
   * @param {Token[]} tokens
   * @returns {boolean} As for `show`.
   */
  finish(tokens) {
    const before = this.#last;
    if (this.#frames.length > 0 && tokens.length === 0) return false;
    if (!this.show(tokens)) return false;
    if (this.hasParagraph) joinPieces(/** @type {HTMLElement} */ (this.#frames[0].element));
    for (
      let node = before === null ? this.#root.firstChild : before.nextSibling;
      node !== null;
      node = node.nextSibling
    ) {
      settle(/** @type {Element} */ (node));
      this.#last = node;
    }
    this.#frames = [];
    return true;
  }

  /**
   * Show the beginning of a block that goes on.
   *
   * @param {Token} done
   * @param {number} depth  How many elements deep inside the block's own one it goes on.
   * @returns {boolean} As for `show`.
   */
  finishBeginning(done, depth) {
    const before = this.#frames;
    if (!this.show([done])) return false;
    this.#frames = [];
    for (
      let element = this.#firstOpen(), level = 0;
      element instanceof Element;
      element = element.lastChild, level += 1
    ) {
      const last = level === depth ? element.lastChild : (element.lastChild?.previousSibling ?? null);
      const skip = element.localName === "table" ? 1 : 0;
      this.#frames.push({ element, last, skip, loose: element.className === "md-loose" });
      if (level === depth) settleAfter(element, before[level]?.element === element ? before[level].last : null);
      if (level === depth) break;
    }
    if (this.hasParagraph) fixDirection(/** @type {HTMLElement} */ (this.#frames[0].element));
    return true;
  }

  #firstOpen() {
    return this.#last === null ? this.#root.firstChild : this.#last.nextSibling;
  }
}

/**
 * Where a paragraph has `dir=auto`, Chromium looks through it again for every child that it gets.
 *
 * @param {HTMLElement} paragraph  Its beginning, which decides, is there.
 */
function fixDirection(paragraph) {
  paragraph.dir = paragraph.matches(":dir(rtl)") ? "rtl" : "ltr";
}

/** @param {HTMLElement} paragraph  Was finished piece by piece, each with a text node of its own. */
function joinPieces(paragraph) {
  paragraph.normalize();
  paragraph.dir = "auto";
}

/**
 * @param {Element} parent
 * @param {ChildNode | null} last
 */
function settleAfter(parent, last) {
  for (let node = last === null ? parent.firstChild : last.nextSibling; node !== null; node = node.nextSibling) {
    if (node instanceof Element) settle(node);
  }
}
