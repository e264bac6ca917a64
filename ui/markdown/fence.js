// A code block that is still coming: its lines are appended as they arrive, nothing is read twice.

import { appendCode } from "./code.js";
import { isClosedFence, isFence } from "./finished.js";

/** A line that may still become the end of the block is held back. */
const HALF_CLOSER = /^ {0,3}(?:`*|~*) *$/;

/**
 * Give the line that opens a code block, if the block is still open and its lines stand there as they are shown: those
 * of an indented one are shown without their indentation.
 *
 * @param {import("./lexer.js").Token} token
 * @returns {string | null}
 */
export function openingOf(token) {
  if (!isFence(token) || isClosedFence(token)) return null;
  return /^(?:`{3,}|~{3,})[^\n]*\n/.exec(token.raw)?.[0] ?? null;
}

export class OpenFence {
  #code;
  #closer;
  /** @type {string[]} */
  #source;
  #line = "";
  /** How much of the line is shown. */
  #shown = 0;
  #isFirst = true;

  /**
   * @param {ParentNode} root  The block is the last thing in it, and empty.
   * @param {string} opening  The line that opens it.
   */
  constructor(root, opening) {
    const marker = /`+|~+/.exec(opening)?.[0] ?? "```";
    this.#code = /** @type {HTMLElement} */ (root.lastElementChild?.querySelector("pre > code"));
    this.#closer = new RegExp(`^ {0,3}${marker}${marker[0]}* *$`);
    this.#source = [opening];
  }

  /** The Markdown of the block, as far as it has come. */
  get source() {
    return this.#source.join("") + this.#line;
  }

  /**
   * @param {string} text
   * @returns {string | null} What follows the block; `null` while it is open.
   */
  push(text) {
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      this.#line += text.slice(from, end);
      from = end + 1;
      if (this.#endLine()) return text.slice(from);
    }
    this.#line += text.slice(from);
    if (this.#shown > 0 || !HALF_CLOSER.test(this.#line)) this.#show();
    return null;
  }

  /** @returns {boolean} Whether it was the last line. */
  #endLine() {
    const isLast = this.#shown === 0 && this.#closer.test(this.#line);
    if (!isLast) {
      this.#show();
      this.#isFirst = false;
    }
    this.#source.push(this.#line, "\n");
    this.#line = "";
    this.#shown = 0;
    return isLast;
  }

  #show() {
    const begins = this.#shown === 0 && !this.#isFirst ? "\n" : "";
    appendCode(this.#code, begins + this.#line.slice(this.#shown));
    this.#shown = this.#line.length;
  }
}
