// The line under the box: how the answer that is coming stands, else how to send. Its height never changes.

import { html } from "../vendor/core.js";
import { defaultModel, models } from "../models.js";
import { tokensPerSecond } from "../stream/speed.js";
import { t } from "../strings.js";
import { duration, speed, useNow } from "./figures.js";

/** @typedef {import("../chat/live.js").Live} Live */
/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */

const TICK_MS = 100;

/** @param {{open: OpenThread}} props */
export function ComposerFoot({ open }) {
  const live = open.live.value;
  if (live !== null) return html`<div class="composer-foot"><${Progress} live=${live} /></div>`;
  const blind = open.pictures.value.length > 0 ? blindModel(open) : "";
  return html`<div class="composer-foot">
    ${blind === ""
      ? html`<span class="composer-hint">${t("composer.hint")}</span>`
      : html`<span class="warning">${t("composer.blind", { model: blind })}</span>`}
  </div>`;
}

/** @param {{live: Live}} props */
function Progress({ live }) {
  const now = useNow(TICK_MS);
  const status = live.status.value;
  const time = duration(now - live.startedAt);
  const tokens = live.tokens.peek(); // The clock draws this anew: it changes with every piece of the answer.
  const rate = live.firstAt === null ? null : tokensPerSecond(tokens, now - live.firstAt);
  const words = status === "connecting" ? "state.connecting" : status === "waiting" ? "state.waiting" : "state.streaming";
  return html`<span class="progress">
    <span>${t(words, { time })}</span>
    ${tokens > 0 && html`<span>${t("state.tokens", { count: tokens })}</span>`}
    ${tokens > 0 && rate !== null && html`<span>${speed(rate)}</span>`}
    ${!live.mine && html`<span>${t("state.elsewhere")}</span>`}
  </span>`;
}

/**
 * @param {OpenThread} open
 * @returns {string} The model that is asked next, if it is known to read no pictures.
 */
function blindModel(open) {
  const name = open.thread.value.model || defaultModel.value;
  const model = models.value.find(({ id }) => id === name);
  return model && model.inputs.length > 0 && !model.inputs.includes("image") ? name : "";
}
