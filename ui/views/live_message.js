// The text of an answer in the page. While it comes a painter adds to it; what is there at the end stays, untouched, so
// that nothing flashes and no selection is lost. A text that was there before is rendered once.

import { onMarkdownClick } from "../markdown/actions.js";
import { createPainter } from "../markdown/painter.js";
import { renderMarkdown } from "../markdown/render.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/core.js";

/** @typedef {import("../chat/live.js").Live} Live */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {"content" | "reasoning"} Part */

/**
 * What is in the node.
 *
 * @typedef {object} Shown
 * @property {string} text
 * @property {import("../markdown/painter.js").Painter | null} painter  While it grows.
 * @property {{error: unknown} | null} problem  What showing it failed with, until that is told.
 */

/** @param {{message: Message, live: Live | null, part: Part}} props */
export function Prose({ message, live, part }) {
  const node = useRef(/** @type {HTMLDivElement | null} */ (null));
  const shown = useRef(/** @type {Shown} */ ({ text: "", painter: null, problem: null }));
  const settled = live === null ? message[part] : null;
  useLayoutEffect(() => {
    const root = /** @type {HTMLDivElement} */ (node.current);
    if (live !== null) return paint(root, shown.current, live, part);
    settle(root, shown.current, message[part]);
    return undefined;
  }, [live, settled]);
  useEffect(() => () => shown.current.painter?.close(), []);
  return html`<div class="markdown" ref=${node} data-live=${live !== null} onClick=${onMarkdownClick}></div>`;
}

/**
 * @param {HTMLElement} root
 * @param {Shown} shown
 * @param {Live} live
 * @param {Part} part
 * @returns {() => void} Listens no more; what has come stays.
 */
function paint(root, shown, live, part) {
  shown.painter?.close();
  clear(root);
  const painter = createPainter(root, { onError: (error) => (shown.problem = { error }) });
  shown.painter = painter;
  shown.text = live.message[part];
  painter.push(shown.text);
  return live.subscribe((delta) => {
    if (delta.kind !== part) return;
    shown.text += delta.text;
    painter.push(delta.text);
    if (shown.problem === null) return;
    const { error } = shown.problem;
    shown.problem = null;
    throw error; // to the run, which says it with the answer; the text is shown plain by now
  });
}

/**
 * @param {HTMLElement} root
 * @param {Shown} shown
 * @param {string} text
 */
function settle(root, shown, text) {
  shown.painter?.end();
  shown.painter = null;
  if (shown.problem !== null) reportError(shown.problem.error); // It came after the last piece: the answer cannot tell.
  shown.problem = null;
  if (shown.text === text) return;
  shown.text = text;
  clear(root);
  try {
    root.append(renderMarkdown(text));
  } catch (error) {
    root.classList.add("md-plain");
    root.textContent = text;
    reportError(error);
  }
}

/** @param {HTMLElement} root */
function clear(root) {
  root.classList.remove("md-plain");
  root.replaceChildren();
}

/**
 * Draw a view anew where an answer gets another shape: its first text, a piece of a tool call. Not for each token.
 *
 * @param {Live | null} live
 */
export function useGrowth(live) {
  const [, draw] = useState(0);
  useLayoutEffect(() => {
    if (live === null) return undefined;
    const has = { content: live.message.content !== "", reasoning: live.message.reasoning !== "" };
    let frame = 0;
    const drawn = () => {
      frame = 0;
      draw((times) => times + 1);
    };
    const off = live.subscribe(({ kind }) => {
      if ((kind === "content" || kind === "reasoning") && has[kind]) return;
      if (kind === "content" || kind === "reasoning") has[kind] = true;
      if (frame === 0) frame = requestAnimationFrame(drawn);
    });
    return () => {
      off();
      cancelAnimationFrame(frame);
    };
  }, [live]);
}
