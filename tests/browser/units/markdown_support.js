// What the Markdown units share.

import { LiveMarkdown } from "/ui/app/markdown/incremental.js";
import { renderMarkdown } from "/ui/app/markdown/render.js";
import { settled } from "/ui/app/markdown/settle.js";

/** @param {string} text */
export function once(text) {
  const root = document.createElement("div");
  root.append(renderMarkdown(text));
  return root;
}

/**
 * Stream a text.
 *
 * @param {string} text
 * @param {() => number} size  Of the next piece.
 * @param {(root: HTMLElement, shown: string) => void} [look]  At what is there after each piece.
 */
export function streamed(text, size, look = () => {}) {
  const root = document.createElement("div");
  const live = new LiveMarkdown(root);
  for (let at = 0; at < text.length;) {
    const end = at + size();
    live.push(text.slice(at, end));
    at = end;
    look(root, text.slice(0, at));
  }
  live.end();
  return root;
}

/**
 * Do something with a text rendered in the page, when its code is coloured and its formulas are drawn.
 *
 * @param {string} text
 * @param {(root: HTMLElement) => void | Promise<void>} use
 */
export async function inPage(text, use) {
  const root = once(text);
  root.className = "markdown";
  document.body.append(root);
  try {
    await settled();
    await use(root);
  } finally {
    root.remove();
  }
}

/**
 * Numbers that look random and are the same in every run.
 *
 * @param {number} seed
 * @returns {(below: number) => number}
 */
export function dice(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
