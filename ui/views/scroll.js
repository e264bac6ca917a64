// A scroller that stays at its end while what is in it grows, until the reader goes up; at the end again it holds on.
//
// Decision: it follows by the reader's own moves (wheel, finger, keys, the scrollbar through the direction of the
// scroll), not by how far the end is: while text comes, the end moves away by itself.

import { useLayoutEffect, useRef, useSignal } from "../vendor/core.js";

/** So near counts as the end when one scrolls down to it: less than a line of text. */
const NEAR_PX = 24;
/** A finger that rests moves this much. */
const RESTLESS_PX = 4;
const UP_KEYS = new Set(["ArrowUp", "PageUp", "Home"]);

/**
 * @param {HTMLElement} scroller
 * @param {HTMLElement} content  The one thing in it; its size is what is watched.
 * @param {import("../vendor/core.js").Signal<boolean>} following  Whether it holds on to the end.
 */
export function stickToEnd(scroller, content, following) {
  let top = scroller.scrollTop;
  let pressed = false;

  function pin() {
    scroller.scrollTop = scroller.scrollHeight;
    top = scroller.scrollTop;
  }

  function letGo() {
    if (scroller.scrollHeight > scroller.clientHeight + 1) following.value = false;
  }

  const resized = new ResizeObserver(() => {
    // A page that moves under the pointer cannot be selected from.
    if (following.peek() && !pressed) pin();
  });

  function scrolled() {
    const left = scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;
    if (scroller.scrollTop > top && left <= NEAR_PX) following.value = true;
    // At the very end nobody has scrolled up: the content has become shorter.
    else if (scroller.scrollTop < top && left > 1) letGo();
    top = scroller.scrollTop;
  }

  const off = listenToReader(scroller, {
    up: letGo,
    press: () => (pressed = true),
    release() {
      if (pressed && selects(scroller)) letGo();
      pressed = false;
      if (following.peek()) pin();
    },
  });
  scroller.addEventListener("scroll", scrolled, { passive: true });
  resized.observe(content);
  resized.observe(scroller);
  if (following.peek()) pin();

  return {
    toEnd() {
      following.value = true;
      pin();
    },
    close() {
      resized.disconnect();
      scroller.removeEventListener("scroll", scrolled);
      off();
    },
  };
}

/**
 * @param {HTMLElement} scroller
 * @param {{up: () => void, press: () => void, release: () => void}} on
 * @returns {() => void} Listens no more.
 */
function listenToReader(scroller, on) {
  const listening = new AbortController();
  const options = { passive: true, signal: listening.signal };
  let finger = 0;
  scroller.addEventListener(
    "wheel",
    (event) => {
      if (event.deltaY < 0 && !event.ctrlKey && !scrollsInside(event.target, scroller)) on.up();
    },
    options,
  );
  scroller.addEventListener("touchstart", (event) => (finger = event.touches[0].clientY), options);
  scroller.addEventListener(
    "touchmove",
    (event) => {
      if (event.touches[0].clientY > finger + RESTLESS_PX && !scrollsInside(event.target, scroller)) on.up();
    },
    options,
  );
  scroller.addEventListener(
    "keydown",
    (event) => {
      const typing = event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement;
      if (!typing && (UP_KEYS.has(event.key) || (event.key === " " && event.shiftKey))) on.up();
    },
    options,
  );
  scroller.addEventListener("pointerdown", (event) => event.pointerType === "mouse" && on.press(), options);
  addEventListener("pointerup", on.release, options);
  addEventListener("pointercancel", on.release, options);
  return () => listening.abort();
}

/**
 * Whether something between the target and the scroller takes a move upwards for itself.
 *
 * @param {EventTarget | null} target
 * @param {HTMLElement} scroller
 */
function scrollsInside(target, scroller) {
  for (let node = target; node instanceof Element && node !== scroller; node = node.parentElement) {
    if (node.scrollTop > 0) return true;
  }
  return false;
}

/** @param {HTMLElement} scroller */
function selects(scroller) {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && scroller.contains(selection.anchorNode);
}

/**
 * The same for a view: put `scroller` and `content` on its elements.
 *
 * @param {boolean} begun  Whether there is anything to be at the end of; what is shown before is read from its top.
 */
export function useStickToEnd(begun) {
  const scroller = useRef(/** @type {HTMLDivElement | null} */ (null));
  const content = useRef(/** @type {HTMLDivElement | null} */ (null));
  const stick = useRef(/** @type {ReturnType<typeof stickToEnd> | null} */ (null));
  const following = useSignal(begun);
  useLayoutEffect(() => {
    if (scroller.current === null || content.current === null) return undefined;
    const made = stickToEnd(scroller.current, content.current, following);
    stick.current = made;
    return () => made.close();
  }, []);
  useLayoutEffect(() => {
    if (begun) stick.current?.toEnd();
  }, [begun]);
  return { scroller, content, following, toEnd: () => stick.current?.toEnd() };
}
