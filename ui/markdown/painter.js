// Paces a text that is coming: what has come is shown once a frame, and less often where showing it takes long.

import { LiveMarkdown } from "./incremental.js";

/** A flush longer than this is felt; then the next one comes later. */
const LONG_MS = 8;
const FRAME_MS = 16;
const LONGEST_MS = 250;

/**
 * @typedef {object} Painter
 * @property {(text: string) => void} push
 * @property {() => void} end  The text is whole: show all of it, for good.
 * @property {() => void} close  Show nothing more. Whatever way it ends, no timer and no listener is left.
 */

/**
 * @param {HTMLElement} root  Empty; nobody else changes what is in it.
 * @param {{onError?: (error: unknown) => void}} [callbacks]  `onError`: rendering has failed; the text is shown plain.
 * @returns {Painter}
 */
export function createPainter(root, { onError = () => {} } = {}) {
  const live = new LiveMarkdown(root);
  /** @type {string[]} */
  const whole = [];
  let waiting = "";
  let intervalMs = 0;
  let timer = 0;
  let frame = 0;
  let isOver = false;
  /** What the text is shown in after rendering has failed. @type {Text | null} */
  let plain = null;

  /** @param {() => void} render */
  const attempt = (render) => {
    if (plain !== null) return;
    try {
      render();
    } catch (error) {
      plain = document.createTextNode(whole.join(""));
      root.replaceChildren(plain);
      root.classList.add("md-plain");
      onError(error);
    }
  };

  const show = () => {
    const text = waiting;
    waiting = "";
    if (plain === null) attempt(() => live.push(text));
    else plain.appendData(text);
  };

  const flush = () => {
    cancel();
    const started = performance.now();
    show();
    const tookMs = performance.now() - started;
    if (tookMs > LONG_MS) intervalMs = Math.min(LONGEST_MS, Math.max(FRAME_MS, intervalMs * 2));
    else if (tookMs < LONG_MS / 2) intervalMs = intervalMs > FRAME_MS ? intervalMs / 2 : 0;
    schedule();
  };

  const schedule = () => {
    if (isOver || timer !== 0 || frame !== 0 || (waiting === "" && (plain !== null || !live.isBehind))) return;
    // A hidden page gets no frames, and needs none; what is not shown there is shown when somebody looks.
    if (document.hidden || live.isBehind) timer = setTimeout(flush, LONGEST_MS);
    else if (intervalMs > 0) timer = setTimeout(flush, intervalMs);
    else frame = requestAnimationFrame(flush);
  };

  const cancel = () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    timer = 0;
    frame = 0;
  };

  const reschedule = () => {
    cancel();
    schedule();
  };
  document.addEventListener("visibilitychange", reschedule);

  const close = () => {
    isOver = true;
    cancel();
    document.removeEventListener("visibilitychange", reschedule);
  };

  return {
    push(text) {
      if (isOver) return;
      whole.push(text);
      waiting += text;
      schedule();
    },
    end() {
      if (isOver) return;
      close();
      show();
      attempt(() => live.end());
    },
    close,
  };
}
