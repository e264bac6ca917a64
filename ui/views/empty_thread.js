// A thread without messages: who is going to answer, and a few questions to begin with.

import { html } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { defaultModel, loadModels, models, modelsProblem } from "../models.js";
import { MODELS, follow } from "../router.js";
import { t } from "../strings.js";

/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */

const EXAMPLES = /** @type {const} */ (["explain", "write", "code", "compare"]);

/** The name of the built-in provider, as `/v1/models` has it. */
const DEMO = "demo";

/** @param {{open: OpenThread}} props */
export function EmptyThread({ open }) {
  /** @param {string} text */
  const fill = (text) => () => {
    open.setDraft(text);
    const box = document.querySelector("[data-testid=chat-input]");
    if (box instanceof HTMLTextAreaElement) box.focus();
  };
  return html`<section class="empty">
    <h2>${t("empty.title")}</h2>
    <${WhoAnswers} open=${open} />
    <ul class="examples" aria-label=${t("empty.examples")}>
      ${EXAMPLES.map((name) => {
        const text = t(`empty.example.${name}.text`);
        return html`<li key=${name}><button type="button" class="example" onClick=${fill(text)}>
          <strong>${t(`empty.example.${name}`)}</strong><span>${text}</span>
        </button></li>`;
      })}
    </ul>
  </section>`;
}

/** @param {{open: OpenThread}} props */
function WhoAnswers({ open }) {
  const model = open.thread.value.model || defaultModel.value;
  if (modelsProblem.value !== "") {
    return html`<div class="callout callout-warning" role="alert">
      <${Icon} name="alert" />
      <p>${t("empty.problem", { detail: modelsProblem.value })}</p>
      <button type="button" class="button" onClick=${loadModels}>${t("empty.again")}</button>
    </div>`;
  }
  const listed = models.value;
  if (listed.length > 0 && listed.every(({ owner }) => owner === DEMO)) {
    return html`<div class="callout">
      <${Icon} name="info" />
      <p>${t("empty.demo")} <a href=${MODELS} onClick=${follow}>${t("empty.providers")}</a></p>
    </div>`;
  }
  return html`<p class="who" title=${model}>${model === "" ? t("empty.noModel") : t("empty.model", { model })}</p>`;
}
