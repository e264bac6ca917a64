// A dialog over the page: native, so that the page behind it is inert, Esc closes it and the focus stays inside. On a
// phone it is a sheet as high as the screen.

import { html, useId, useLayoutEffect, useRef } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { t } from "../strings.js";

/** @typedef {import("../vendor/core.js").ComponentChildren} ComponentChildren */

/**
 * @typedef {object} DialogProps
 * @property {import("../vendor/core.js").Signal<boolean>} open
 * @property {string} title
 * @property {ComponentChildren} children
 * @property {ComponentChildren} [footer]
 * @property {"small" | "medium" | "large"} [size]
 * @property {string} [testid]
 * @property {boolean} [firm]  A click beside it does not close it: what is typed in it would be lost.
 */

/** @param {DialogProps} props Its children are made when it opens and dropped when it closes. */
export function Dialog({ open, ...rest }) {
  return open.value ? html`<${Shown} ...${rest} onClose=${() => (open.value = false)} />` : null;
}

/** @param {Omit<DialogProps, "open"> & {onClose: () => void}} props */
function Shown({ title, children, footer, size = "medium", testid, firm = false, onClose }) {
  const dialog = useModal();
  const pressed = useRef(false);
  const titleId = useId();
  /** @param {Event} event Whether it hit the backdrop, which belongs to the dialog itself. */
  const outside = (event) => event.target === dialog.current;
  return html`<dialog
    ref=${dialog}
    class=${`dialog dialog-${size}`}
    aria-labelledby=${titleId}
    data-testid=${testid}
    onClose=${(/** @type {Event} */ event) => outside(event) && onClose()}
    onKeyDown=${keepEscape}
    onPointerDown=${(/** @type {Event} */ event) => (pressed.current = outside(event))}
    onClick=${(/** @type {Event} */ event) => !firm && pressed.current && outside(event) && dialog.current?.close()}
  >
    <div class="dialog-frame">
      <header class="dialog-header">
        <h2 id=${titleId}>${title}</h2>
        <button
          type="button"
          class="icon-button"
          aria-label=${t("dialog.close")}
          onClick=${() => dialog.current?.close()}
        >
          <${Icon} name="close" />
        </button>
      </header>
      <div class="dialog-body">${children}</div>
      ${footer && html`<footer class="dialog-footer">${footer}</footer>`}
    </div>
  </dialog>`;
}

/** Show a dialog above everything while it is there; afterwards the focus is where it was. */
function useModal() {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => {
    const element = /** @type {HTMLDialogElement} */ (dialog.current);
    const opener = document.activeElement;
    element.showModal();
    return () => {
      const inside = document.activeElement === document.body || element.contains(document.activeElement);
      element.close();
      if (inside && opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    };
  }, []);
  return dialog;
}

/**
 * Esc closes what is on top and nothing else: on the page behind, it stops an answer.
 *
 * @param {KeyboardEvent} event
 */
export function keepEscape(event) {
  if (event.key === "Escape") event.stopPropagation();
}
