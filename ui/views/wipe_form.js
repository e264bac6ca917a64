// The second question before everything is deleted: a word has to be typed, since nothing brings it back.

import { html, useSignal } from "../vendor/core.js";
import { t } from "../strings.js";
import { Field } from "./fields.js";

/** @typedef {import("./fields.js").ControlProps} ControlProps */

/** @param {{onCancel: () => void, onWipe: () => void}} props */
export function WipeForm({ onCancel, onWipe }) {
  const typed = useSignal("");
  const problem = useSignal("");
  const word = t("storage.wipeWord");
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    if (typed.value.trim().toLowerCase() === word.toLowerCase()) onWipe();
    else problem.value = t("storage.wipeProblem", { word });
  };
  return html`<form class="callout callout-danger wipe" onSubmit=${submit} data-testid="wipe-form">
    <p>${t("storage.wipeWarning")}</p>
    <${Field} label=${t("storage.wipeLabel", { word })} problem=${problem.value}>
      ${(/** @type {ControlProps} */ control) =>
        html`<input ...${control} class="input" autocomplete="off" autocapitalize="off" spellcheck=${false}
          ref=${focusOnce} data-testid="wipe-input"
          onInput=${(/** @type {any} */ event) => (typed.value = event.currentTarget.value)} />`}
    <//>
    <div class="dialog-actions">
      <button type="button" class="button" onClick=${onCancel}>${t("storage.wipeCancel")}</button>
      <button type="submit" class="button button-danger-strong" data-testid="wipe-confirm">
        ${t("storage.wipeConfirm")}
      </button>
    </div>
  </form>`;
}

/** @param {HTMLElement | null} element Made now: it is what comes next. */
function focusOnce(element) {
  element?.focus();
}
