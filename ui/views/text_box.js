// What every box for text shares: it grows with its text, takes long ones, and knows which Enter means "send".

import { useLayoutEffect } from "../vendor/core.js";

const GROWS_BY_ITSELF = CSS.supports("field-sizing", "content");
/** A text this long has reached the greatest height, and whatever looks at all of it takes time. */
const LONG_CHARACTERS = 20_000;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * Whether a key sends: Enter alone. An input method uses Enter to take its suggestion; Safari says that by the key code
 * 229 only, as its composition ends before the key.
 *
 * @param {KeyboardEvent} event
 */
export function isSendKey(event) {
  return event.key === "Enter" && !event.shiftKey && !event.altKey && !event.isComposing && event.keyCode !== 229;
}

/**
 * Paste a long text as one piece. The browser's own way takes it line by line, to be able to undo it: seconds for a
 * megabyte.
 *
 * @param {HTMLTextAreaElement} box
 * @param {ClipboardEvent} event
 * @returns {boolean} Whether it was long.
 */
export function pasteLong(box, event) {
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (text.length <= LONG_CHARACTERS) return false;
  event.preventDefault();
  ease(box, text);
  box.setRangeText(text, box.selectionStart, box.selectionEnd, "end");
  if (box.selectionEnd === box.value.length) box.scrollTop = box.scrollHeight;
  return true;
}

/**
 * How a box is to be told that its text runs. `auto` has the browser find it out for each line, which takes seconds for a
 * megabyte of lines: a long text runs as its first letter does.
 *
 * @param {string} text
 * @returns {"auto" | "ltr" | "rtl"}
 */
export function directionOf(text) {
  if (text.length <= LONG_CHARACTERS) return "auto";
  return RIGHT_TO_LEFT.test(/\p{L}/u.exec(text)?.[0] ?? "") ? "rtl" : "ltr";
}

/**
 * Spare the browser what takes it too long with a long text.
 *
 * @param {HTMLTextAreaElement} box
 * @param {string} text
 */
function ease(box, text) {
  const direction = directionOf(text);
  if (box.dir === direction) return;
  box.dir = direction;
  box.spellcheck = direction === "auto";
}

/**
 * Do something to a box now and whenever its text changes.
 *
 * @param {import("preact").RefObject<HTMLTextAreaElement | null>} box
 * @param {(element: HTMLTextAreaElement) => void} run
 */
function useText(box, run) {
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const changed = () => run(element);
    changed();
    element.addEventListener("input", changed);
    element.addEventListener("grow", changed); // a text that was put there by script
    return () => {
      element.removeEventListener("input", changed);
      element.removeEventListener("grow", changed);
    };
  }, []);
}

/**
 * Let a box grow where CSS cannot (`field-sizing`), and stay quick.
 *
 * @param {import("preact").RefObject<HTMLTextAreaElement | null>} box
 */
export function useGrowingBox(box) {
  useText(box, (element) => ease(element, element.value));
  useText(box, fit);
}

/** @param {HTMLTextAreaElement} element */
function fit(element) {
  if (GROWS_BY_ITSELF) return;
  element.style.height = "auto";
  element.style.height = element.value.length > LONG_CHARACTERS ? "100vh" : `${element.scrollHeight}px`;
}
