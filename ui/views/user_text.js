// What a person said, as they typed it: no Markdown. A long text is folded, a very long one is cut into blocks, as a
// browser lays out a single text of a megabyte whenever anything about it changes.

import { html, useMemo, useState } from "../vendor/core.js";
import { t } from "../strings.js";

const FOLDED_LINES = 24;
const FOLDED_CHARACTERS = 2_500;
const BLOCK_CHARACTERS = 4_000;

/** @param {{text: string}} props */
export function UserText({ text }) {
  const [whole, setWhole] = useState(false);
  const blocks = useMemo(() => blocksOf(text), [text]);
  const long = isLong(text);
  return html`<div class="user-text" data-folded=${long && !whole}>
      ${blocks.map((block, index) => html`<div key=${index} class="user-block" dir="auto">${block}</div>`)}
    </div>
    ${long &&
    html`<button type="button" class="text-button" aria-expanded=${whole} onClick=${() => setWhole(!whole)}>
      ${t(whole ? "message.less" : "message.more")}
    </button>`}`;
}

/** @param {string} text */
function isLong(text) {
  return text.length > FOLDED_CHARACTERS || text.split("\n", FOLDED_LINES + 1).length > FOLDED_LINES;
}

/**
 * Cut a text after the first end of a line behind every so many characters; a text without lines stays whole.
 *
 * @param {string} text
 * @returns {string[]} Without the ends of lines that are between them.
 */
export function blocksOf(text) {
  const blocks = [];
  let from = 0;
  for (let end = text.indexOf("\n", BLOCK_CHARACTERS); end >= 0; end = text.indexOf("\n", from + BLOCK_CHARACTERS)) {
    blocks.push(text.slice(from, end));
    from = end + 1;
  }
  blocks.push(text.slice(from));
  return blocks;
}
