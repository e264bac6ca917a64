// A button that opens a menu.

import { html, useId, useRef, useSignal } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { keepEscape } from "./dialog.js";
import { Popover } from "./popover.js";

/**
 * @typedef {object} MenuItem
 * @property {string} label
 * @property {import("../vendor/core.js").ComponentChildren} [icon]
 * @property {() => void} run
 * @property {boolean} [danger]
 * @property {string} [testid]
 */

/**
 * @typedef {object} MenuProps
 * @property {string} label  What the button is called.
 * @property {MenuItem[]} items
 * @property {import("../vendor/core.js").ComponentChildren} [trigger]  What the button shows; without: three dots.
 * @property {string} [class]  Of the button.
 * @property {string} [testid]  Of the button.
 */

/** @param {MenuProps} props */
export function Menu({ label, items, trigger, class: className = "icon-button", testid }) {
  const open = useSignal(false);
  const button = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const id = useId();
  const close = () => {
    open.value = false;
  };
  /** @param {MenuItem} item */
  const choose = (item) => {
    close();
    button.current?.focus({ preventScroll: true }); // so that a dialog that the item opens gives the focus back here
    item.run();
  };
  return html`<button
      ref=${button}
      type="button"
      class=${className}
      title=${label}
      aria-label=${label}
      aria-haspopup="menu"
      aria-expanded=${open.value}
      aria-controls=${open.value ? id : undefined}
      popovertarget=${id}
      data-testid=${testid}
      onClick=${(/** @type {Event} */ event) => {
        event.preventDefault(); // the browser would look for the menu that is only about to be made
        open.value = !open.value;
      }}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
        event.preventDefault();
        open.value = true;
      }}
    >
      ${trigger ?? html`<${Icon} name="more" />`}
    </button>
    ${open.value &&
    html`<${Popover} id=${id} anchor=${button} onClose=${close} class="menu" role="menu" aria-label=${label}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => walk(event, close)}>
      ${items.map(
        (item, index) => html`<${Item} key=${item.label} item=${item} first=${index === 0} onChoose=${choose} />`,
      )}
    <//>`}`;
}

/** @param {{item: MenuItem, first: boolean, onChoose: (item: MenuItem) => void}} props */
function Item({ item, first, onChoose }) {
  return html`<button
    type="button"
    role="menuitem"
    tabindex="-1"
    autofocus=${first}
    class=${item.danger ? "menu-item menu-item-danger" : "menu-item"}
    data-testid=${item.testid}
    onClick=${() => onChoose(item)}
  >
    ${item.icon}<span>${item.label}</span>
  </button>`;
}

/**
 * Arrows, Home and End go from item to item, a letter to the next item that begins with it; Tab leaves the menu.
 *
 * @param {KeyboardEvent} event
 * @param {() => void} close
 */
function walk(event, close) {
  keepEscape(event);
  if (event.key === "Tab") return close();
  const menu = /** @type {HTMLElement} */ (event.currentTarget);
  const items = /** @type {HTMLElement[]} */ ([...menu.querySelectorAll("[role=menuitem]")]);
  const next = target(event, items);
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement[]} items
 */
function target({ key, ctrlKey, metaKey, altKey }, items) {
  const at = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  if (key === "ArrowDown") return items[(at + 1) % items.length];
  if (key === "ArrowUp") return items.at(at <= 0 ? -1 : at - 1);
  if (key === "Home") return items[0];
  if (key === "End") return items.at(-1);
  if (key.length !== 1 || key === " " || ctrlKey || metaKey || altKey) return undefined;
  const after = [...items.slice(at + 1), ...items.slice(0, at + 1)];
  return after.find((item) => item.textContent?.trim().toLowerCase().startsWith(key.toLowerCase()));
}
