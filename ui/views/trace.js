// The line under an answer: who gave it, how fast, how much of it there was and what it cost.

import { html } from "../vendor/core.js";
import { callPath, follow } from "../router.js";
import { finalSpeed } from "../stream/speed.js";
import { language, t } from "../strings.js";
import { CopyButton } from "./copy_button.js";
import { dollars, shortDuration, speed } from "./figures.js";

/** @typedef {import("../types.js").Message} Message */

/** @param {{message: Message}} props  One that has ended. */
export function Trace({ message }) {
  const { servedBy, timing, usage } = message;
  const rate = finalSpeed(usage, timing);
  const model = servedBy?.model || message.model;
  const id = servedBy?.requestId || message.failure?.requestId;
  return html`<div class="usage" role="group" aria-label=${t("trace.details")}>
    ${servedBy?.provider && html`<span>${servedBy.provider}</span>`}
    ${model && html`<span class="usage-model" title=${model}>${model}</span>`}
    ${timing?.firstMs != null && html`<span>${t("trace.first", { time: shortDuration(timing.firstMs) })}</span>`}
    ${rate !== null && html`<span>${speed(rate)}</span>`}
    ${usage && html`<span title=${hint(usage)}>${t("trace.tokens", { input: usage.input, output: usage.output })}</span>`}
    ${usage?.costUsd != null && html`<span>${dollars(usage.costUsd)}</span>`}
    ${id && html`<span><${CopyButton} text=${() => id} label=${t("trace.copyId", { id })} shown=${short(id)} /></span>
      <span><a class="text-button" href=${callPath(id)} title=${t("trace.logHint")} onClick=${follow}>${t("trace.log")}</a></span>`}
  </div>`;
}

/** @param {import("../types.js").Usage} usage */
function hint({ input, output, cached, reasoning }) {
  const number = new Intl.NumberFormat(language);
  return t("trace.tokensHint", {
    input: number.format(input),
    output: number.format(output),
    cached: number.format(cached),
    reasoning: number.format(reasoning),
  });
}

/** @param {string} id  Enough of it to tell it from others; all of it is copied. */
function short(id) {
  return id.length <= 14 ? id : `${id.slice(0, 12)}…`;
}
