// Asks for the gateway's key when the gateway refuses a request for want of one. The key goes from the box to the
// gateway, once, and nowhere else: not into an attribute, an address, the storage or a log.

import { html, useRef, useSignal } from "../vendor/core.js";
import { loadModels } from "../models.js";
import { keyWanted, logIn } from "../session.js";
import { t } from "../strings.js";
import { Dialog } from "./dialog.js";
import { Field } from "./fields.js";

/** @typedef {import("./fields.js").ControlProps} ControlProps */

/** Shows itself while the key is wanted; who closes it does without. */
export function KeyDialog() {
  return html`<${Dialog} open=${keyWanted} title=${t("key.title")} size="small" testid="key-dialog">
    <${KeyForm} />
  <//>`;
}

function KeyForm() {
  const box = useRef(/** @type {HTMLInputElement | null} */ (null));
  const problem = useSignal("");
  const checking = useSignal(false);
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    if (checking.value) return;
    const given = box.current?.value.trim() ?? "";
    checking.value = true;
    problem.value = given === "" ? t("key.empty") : await refusal(given);
    checking.value = false;
    if (problem.value === "" && box.current !== null) box.current.value = "";
    box.current?.select();
  };
  // `post`, and no name on the box: even a browser that sent this form by itself would not put the key in an address.
  return html`<form method="post" class="key-form" onSubmit=${submit}>
    <p>${t("key.why")}</p>
    <input
      class="visually-hidden"
      type="text"
      autocomplete="username"
      value=${location.host}
      tabindex="-1"
      aria-hidden="true"
      readonly
    />
    <${Field} label=${t("key.label")} hint=${t("key.hint")} problem=${problem.value}>
      ${(/** @type {ControlProps} */ control) =>
        html`<input ...${control} ref=${box} class="input input-code" type="password" autocomplete="current-password"
          autofocus data-testid="key-input" />`}
    <//>
    <div class="dialog-actions">
      <button type="submit" class="button button-primary" data-testid="key-submit" aria-disabled=${checking.value}>
        ${t(checking.value ? "key.checking" : "key.use")}
      </button>
    </div>
  </form>`;
}

/**
 * Log in with a key.
 *
 * @param {string} given
 * @returns {Promise<string>} Why it is not taken; empty where it is.
 */
async function refusal(given) {
  try {
    await logIn(given);
  } catch (error) {
    return t("key.refused", { reason: error instanceof Error ? error.message : String(error) });
  }
  void loadModels();
  return "";
}
