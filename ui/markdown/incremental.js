// Markdown that is still coming → nodes. Only the end of the text is read anew: what cannot change any more
// (`finished.js`) is left alone, in the page too. The work is in proportion to what comes, not to what is there.

import { blocks } from "./blocks.js";
import { OpenFence, openingOf } from "./fence.js";
import { beginning, beginningOfParagraph, countFinished, looksBack } from "./finished.js";
import { isHostile, lex } from "./lexer.js";
import { patch } from "./patch.js";
import { preview } from "./preview.js";
import { WINDOW, readMarkdown } from "./render.js";
import { settle } from "./settle.js";
import { Sheet } from "./sheet.js";

/** @typedef {import("./lexer.js").Token} Token */

/** A paragraph without a line break is looked at again when so much more of it has come. */
const STEP = 1_000;

/** What takes longer than this (a huge list item, of which nothing can be finished) is done for a tenth of the time, */
const LONG_MS = 8;
const SHARE = 10;
/** but not later than when so much of it has come, so that the work stays in proportion at any speed. */
const GROWTH = 1 / 4;

export class LiveMarkdown {
  #root;
  #sheet;
  /** All text, for the few cases in which it has to be read as a whole. @type {string[]} */
  #whole = [];
  /** A `\r` at the end: half a line break, perhaps. */
  #half = "";
  /** What has come and was not read. */
  #waiting = "";
  /** The source of what is not finished, and what has to stand before it so that it is read as the same block. */
  #tail = "";
  #head = "";
  /** The source of the finished beginning of that block. */
  #begun = "";
  /** @type {OpenFence | null} */
  #fence = null;
  /** @type {import("./lexer.js").Links} */
  #links = Object.create(null);
  #hasDefinitions = false;
  #lookAt = STEP;
  #cost = 0;
  #doneAt = 0;

  /** @param {HTMLElement} root  Empty; nobody else changes what is in it. */
  constructor(root) {
    this.#root = root;
    this.#sheet = new Sheet(root);
  }

  /** Whether text that has come is not shown yet; `push("")` shows it when there is time. */
  get isBehind() {
    return this.#waiting !== "";
  }

  /** @param {string} delta */
  push(delta) {
    this.#take(delta);
    if (this.#isTooSoon()) return;
    const started = performance.now();
    this.#advance();
    this.#doneAt = performance.now();
    this.#cost = this.#doneAt - started;
  }

  /** The text is whole. Afterwards the nodes are those of `renderMarkdown`. */
  end() {
    if (this.#half !== "") this.#take("\n");
    this.#advance();
    if (this.#fence !== null) this.#closeFence(this.#fence);
    if (!this.#sheet.finish(this.#lex(this.#head + this.#tail, false))) {
      this.#reopen();
      this.#sheet.finish(this.#lex(this.#tail, false));
    }
    const whole = this.#whole.join("");
    if (!this.#hasDefinitions && !isHostile(whole)) return;
    patch(this.#root, this.#root.firstChild, [...blocks(readMarkdown(whole)).childNodes]);
    settle(this.#root);
  }

  /** @param {string} delta */
  #take(delta) {
    const text = this.#half + delta;
    this.#half = text.endsWith("\r") ? "\r" : "";
    const lines = text.slice(0, text.length - this.#half.length).replace(/\r\n?/g, "\n");
    this.#whole.push(lines);
    this.#waiting += lines;
  }

  #isTooSoon() {
    if (this.#fence !== null || this.#cost < LONG_MS || this.#waiting.length > this.#tail.length * GROWTH) return false;
    return performance.now() - this.#doneAt < this.#cost * SHARE;
  }

  #advance() {
    while (this.#waiting !== "") {
      const size = Math.max(WINDOW, this.#tail.length * GROWTH);
      const text = this.#waiting.slice(0, size);
      this.#waiting = this.#waiting.slice(size);
      if (this.#fence === null) this.#read(text);
      else this.#append(this.#fence, text);
    }
  }

  /**
   * @param {OpenFence} fence
   * @param {string} text
   */
  #append(fence, text) {
    const after = fence.push(text);
    if (after === null) return;
    this.#closeFence(fence);
    this.#waiting = after + this.#waiting;
  }

  /** @param {string} text */
  #read(text) {
    this.#tail += text;
    if (this.#sheet.hasParagraph && looksBack(this.#tail)) this.#reopen();
    if (text.includes("\n") || this.#tail.length > this.#lookAt) {
      this.#finishBlocks();
      this.#lookAt = this.#tail.length + STEP;
    }
    if (this.#fence !== null || this.#show()) return;
    this.#reopen();
    this.#show();
  }

  #show() {
    return this.#sheet.show(lex(preview(this.#head + this.#tail), { open: true, links: this.#links }));
  }

  /** Finish what cannot change any more. */
  #finishBlocks() {
    const lines = this.#lines();
    const tokens = this.#lex(lines, true);
    const last = tokens.findLastIndex((token) => token.type !== "space");
    const opening = last < 0 ? null : openingOf(tokens[last]);
    const count = opening === null ? countFinished(tokens, lines, this.#links) : last;
    if (count > 0 && !this.#finish(tokens.slice(0, count))) return;
    if (opening !== null) {
      this.#openFence(tokens[last], opening);
    } else {
      this.#finishBeginning(count === 0 ? beginning(tokens, lines) : null);
      this.#finishBeginning(beginningOfParagraph(this.#head + this.#tail, this.#links));
    }
  }

  /** The whole lines of the tail: half a line may turn out to be anything, and change what the one before is. */
  #lines() {
    const source = this.#head + this.#tail;
    return source.slice(0, source.lastIndexOf("\n") + 1);
  }

  /**
   * @param {string} source
   * @param {boolean} open
   */
  #lex(source, open) {
    const tokens = lex(source, { open, links: this.#links });
    this.#hasDefinitions ||= Object.keys(tokens.links).length > 0;
    return tokens;
  }

  /**
   * @param {Token[]} tokens  The first of the tail.
   * @returns {boolean} Whether it could be done.
   */
  #finish(tokens) {
    const source = this.#head + this.#tail;
    const raw = tokens.map((token) => token.raw).join("");
    if (!source.startsWith(raw)) return false;
    if (!this.#sheet.finish(tokens)) {
      this.#reopen();
      return false;
    }
    for (const { type, tag, href, title } of tokens) if (type === "def") this.#links[tag] ??= { href, title };
    this.#tail = source.slice(raw.length);
    this.#head = "";
    this.#begun = "";
    return true;
  }

  /** @param {import("./finished.js").Beginning | null} found */
  #finishBeginning(found) {
    if (found === null) return;
    if (!this.#sheet.finishBeginning(found.done, found.depth)) {
      this.#reopen();
      return;
    }
    const whole = this.#head + this.#tail;
    this.#begun += whole.slice(this.#head.length, found.cut);
    this.#tail = whole.slice(found.cut);
    this.#head = found.head;
  }

  /** Read the open block from its beginning again: what has come makes it another one. */
  #reopen() {
    this.#sheet.reopen();
    this.#tail = this.#begun + this.#tail;
    this.#begun = "";
    this.#head = "";
  }

  /**
   * @param {Token} token  The whole of the tail.
   * @param {string} opening
   */
  #openFence(token, opening) {
    this.#sheet.show([{ ...token, text: "" }]);
    this.#fence = new OpenFence(this.#root, opening);
    this.#waiting = this.#tail.slice(opening.length) + this.#waiting;
    this.#tail = "";
  }

  /** @param {OpenFence} fence */
  #closeFence(fence) {
    this.#fence = null;
    this.#sheet.finish(lex(fence.source));
  }
}
