// What is said where an answer ended otherwise than it should: stopped, cut off, filtered, failed, or empty.

import { html } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { t } from "../strings.js";
import { FailureNote } from "./failure.js";

/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */
/** @typedef {import("../types.js").Message} Message */

/** @param {{open: OpenThread, message: Message, last: boolean}} props */
export function AnswerEnd({ open, message, last }) {
  const { status, failure, finish } = message;
  if (status === "failed" && failure) return html`<${FailureNote} ...${{ open, message, failure, last }} />`;
  if (status === "stopped") return html`<${EndNote} ...${{ open, message, last }} icon="stop" text=${t("state.stopped")} />`;
  if (finish === "length") return html`<${EndNote} ...${{ open, message, last }} icon="cut" text=${t("state.length")} />`;
  if (finish === "content_filter") {
    return html`<${EndNote} ...${{ open, message, last: false }} icon="info" text=${t("state.filter")} />`;
  }
  const empty = message.content === "" && message.tools.length === 0 && message.pictures.length === 0;
  return empty ? html`<p class="empty-answer">${t("message.empty")}</p>` : null;
}

/**
 * @param {{open: OpenThread, message: Message, last: boolean, icon: import("../icons.js").IconName, text: string}} props
 */
function EndNote({ open, message, last, icon, text }) {
  const busy = open.live.value !== null;
  return html`<div class="end-note">
    <span class="badge"><${Icon} name=${icon} /> ${text}</span>
    ${last &&
    message.content !== "" &&
    html`<button type="button" class="button" disabled=${busy} onClick=${() => open.continueAnswer(message)}>
      ${t("message.continue")}
    </button>`}
    <button type="button" class="button" disabled=${busy} onClick=${() => open.retry(message)}>${t("message.retry")}</button>
  </div>`;
}
