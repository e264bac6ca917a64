// What opens beside a button and closes by Esc or a click elsewhere: menus and the model picker. Native popovers, put
// beside their button by script: browsers without CSS anchors are still about.

import { html, useLayoutEffect, useRef } from "../vendor/core.js";
import { keepEscape } from "./dialog.js";

const GAP = 4;
const EDGE = 8;

/**
 * @typedef {object} PopoverProps
 * @property {string} id
 * @property {import("preact").RefObject<HTMLElement>} anchor  A button with this `popovertarget`: a click on it while
 *   this is open is not a click elsewhere.
 * @property {() => void} onClose  It was closed by Esc or by a click elsewhere: do not render it any more.
 * @property {(element: HTMLElement) => void} [onShown]
 * @property {import("../vendor/core.js").ComponentChildren} children
 */

/**
 * Open as long as it is rendered. Further properties go to its element.
 *
 * @param {PopoverProps & Record<string, unknown>} props
 */
export function Popover({ anchor, onClose, onShown, children, ...rest }) {
  const popover = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => {
    const element = /** @type {HTMLElement} */ (popover.current);
    element.showPopover();
    const unfollow = follow(element, /** @type {HTMLElement} */ (anchor.current));
    onShown?.(element);
    return () => {
      unfollow();
      const inside = document.activeElement === document.body || element.contains(document.activeElement);
      if (element.matches(":popover-open")) element.hidePopover();
      if (inside) anchor.current?.focus({ preventScroll: true });
    };
  }, []);
  return html`<div
    popover="auto"
    ref=${popover}
    onKeyDown=${keepEscape}
    ...${rest}
    onToggle=${(/** @type {ToggleEvent} */ event) => event.newState === "closed" && onClose()}
  >
    ${children}
  </div>`;
}

/**
 * Keep a popover beside its anchor while the page scrolls or changes its size.
 *
 * @param {HTMLElement} popover
 * @param {HTMLElement} anchor
 * @returns {() => void} Ends that.
 */
function follow(popover, anchor) {
  const ended = new AbortController();
  const put = () => place(popover, anchor);
  put();
  addEventListener("resize", put, { signal: ended.signal });
  document.addEventListener("scroll", put, { signal: ended.signal, capture: true, passive: true });
  return () => ended.abort();
}

/**
 * Under its anchor, or above where there is more room; inside the viewport in any case, also when it grows.
 *
 * @param {HTMLElement} popover
 * @param {HTMLElement} anchor
 */
function place(popover, anchor) {
  const { style } = popover;
  const around = anchor.getBoundingClientRect();
  const { clientWidth: width, clientHeight: height } = document.documentElement;
  const below = height - around.bottom - GAP - EDGE;
  const above = around.top - GAP - EDGE;
  style.maxHeight = "none";
  const under = popover.offsetHeight <= below || below >= above;
  style.maxHeight = `${Math.max(under ? below : above, 0)}px`;
  style.top = under ? `${around.bottom + GAP}px` : "auto";
  style.bottom = under ? "auto" : `${height - around.top + GAP}px`;
  style.left = `${start(around, popover.offsetWidth, width)}px`;
}

/**
 * The left edge: flush with the side of the anchor where lines begin if there is room, else with its other side.
 *
 * @param {DOMRect} around
 * @param {number} wide
 * @param {number} width Of the viewport.
 */
function start(around, wide, width) {
  const flush = [around.left, around.right - wide];
  if (document.documentElement.dir === "rtl") flush.reverse();
  const fits = flush.find((left) => left >= EDGE && left + wide <= width - EDGE);
  return fits ?? Math.max(EDGE, Math.min(flush[0], width - wide - EDGE));
}
