// What is done to finished nodes when there is time: colouring code, drawing formulas. One after the other, a few
// milliseconds at a time, so that a long thread opens at once.

import { highlight } from "./highlight.js";
import { drawFormula } from "./math.js";

/** How long the page may be kept from answering a person. */
const SLICE_MS = 8;

/** @type {HTMLElement[]} */
const waiting = [];

/** @type {Promise<void> | null} */
let working = null;

/**
 * Finish the blocks below a node. They have to be in the page when their turn comes: what has been taken out of it
 * until then is left as it is.
 *
 * @param {ParentNode} root
 */
export function settle(root) {
  /** @type {NodeListOf<HTMLElement>} */
  const found = root.querySelectorAll("code[data-language]:not(.hljs), .md-math > code");
  if (found.length === 0) return;
  for (const node of found) waiting.push(node);
  working ??= work().finally(() => {
    working = null;
  });
}

/** Resolves when nothing is left to finish. */
export async function settled() {
  while (working !== null) await working;
}

async function work() {
  for (let started = await pause(), node = waiting.shift(); node !== undefined; node = waiting.shift()) {
    if (node.isConnected) await finish(node);
    if (performance.now() - started > SLICE_MS) started = await pause();
  }
}

/** @returns {Promise<number>} When it went on. */
async function pause() {
  await new Promise((resolve) => setTimeout(resolve));
  return performance.now();
}

/** @param {HTMLElement} node */
async function finish(node) {
  try {
    await (node.dataset.language === undefined ? drawFormula(node) : highlight(node));
  } catch {
    // The library could not be loaded or failed: the text is there, plain.
  }
}
