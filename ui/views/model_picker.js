// The button that shows a model, and the list that opens from it.

import { html, useEffect, useId, useRef, useSignal } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { t } from "../strings.js";
import { ModelList } from "./model_list.js";
import { Popover } from "./popover.js";

/**
 * @typedef {object} ModelPickerProps
 * @property {string} value  A model; empty: none is chosen.
 * @property {(model: string) => void} onChange
 * @property {string} [placeholder]  Shown while none is chosen.
 * @property {boolean} [shortcut]  Whether Ctrl or ⌘ with K opens this one. A page has one such picker.
 */

/** @param {ModelPickerProps} props */
export function ModelPicker({ value, onChange, placeholder = t("picker.none"), shortcut = true }) {
  const open = useSignal(false);
  const button = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const id = useId();
  useShortcut(shortcut, () => (open.value = !open.value));
  const close = () => {
    open.value = false;
  };
  const shown = value === "" ? placeholder : value;
  return html`<button
      ref=${button}
      type="button"
      class="model-button"
      title=${shown}
      aria-label=${t("picker.button", { model: shown })}
      aria-haspopup="dialog"
      aria-expanded=${open.value}
      aria-controls=${open.value ? id : undefined}
      aria-keyshortcuts=${shortcut ? "Control+K Meta+K" : undefined}
      popovertarget=${id}
      data-testid="model-button"
      onClick=${(/** @type {Event} */ event) => {
        event.preventDefault(); // the browser would look for the list that is only about to be made
        open.value = !open.value;
      }}
    >
      <span class="model-button-name" dir="auto">${shown}</span>
      <${Icon} name="expand" />
    </button>
    ${open.value &&
    html`<${Popover} id=${id} anchor=${button} onClose=${close} onShown=${showActive} class="picker" role="dialog"
      aria-label=${t("picker.title")} data-testid="model-picker">
      <${ModelList}
        value=${value}
        onChoose=${(/** @type {string} */ model) => {
          close();
          button.current?.focus({ preventScroll: true });
          onChange(model);
        }}
        onLeave=${close}
      />
    <//>`}`;
}

/** @param {HTMLElement} picker The list opens where the chosen model is. */
function showActive(picker) {
  picker.querySelector(".picker-row-active")?.scrollIntoView({ block: "center" });
}

/**
 * @param {boolean} wanted
 * @param {() => void} run
 */
function useShortcut(wanted, run) {
  useEffect(() => {
    if (!wanted) return undefined;
    /** @param {KeyboardEvent} event */
    const pressed = (event) => {
      const only = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
      if (!only || event.key.toLowerCase() !== "k" || event.isComposing) return;
      event.preventDefault();
      if (document.querySelector("dialog:modal") === null) run(); // behind a dialog nothing opens
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [wanted]);
}
