// What was tried for a call, and what was said in it.

import { html } from "../vendor/core.js";
import { t } from "../admin/texts.js";
import { span } from "../admin/written.js";
import { CopyButton } from "../views/copy_button.js";

/** @typedef {import("../admin/shapes.js").Attempt} Attempt */
/** @typedef {import("../admin/shapes.js").CallWithBody} CallWithBody */

/** @param {{attempts: Attempt[]}} props */
export function Attempts({ attempts }) {
  return html`<section class="call-part">
    <h3>${t("call.attempts")}</h3>
    ${attempts.length === 0
      ? html`<p class="hint">${t("call.noAttempts")}</p>`
      : html`<table class="admin-table attempts">
          <thead>
            <tr><th scope="col">${t("call.attemptTarget")}</th><th scope="col">${t("call.attemptOutcome")}</th><th scope="col" class="numeric">${t("call.attemptTime")}</th></tr>
          </thead>
          <tbody>
            ${attempts.map(({ target, outcome, ms }, index) => html`<tr key=${index}>
              <th scope="row" dir="auto">${target}</th>
              <td><span class=${`badge badge-${outcome === "ok" ? "ok" : "failed"}`}>${outcome}</span></td>
              <td class="numeric">${ms == null ? "–" : span(ms)}</td>
            </tr>`)}
          </tbody>
        </table>`}
  </section>`;
}

/** @param {Pick<CallWithBody, "body">} props */
export function Bodies({ body }) {
  if (body === null) return html`<p class="hint call-part">${t("call.notKept")}</p>`;
  return html`<${Said} title=${t("call.prompt")} copy=${t("call.copyPrompt")} text=${indented(body.prompt)} testid="call-prompt" />
    <${Said} title=${t("call.answer")} copy=${t("call.copyAnswer")} text=${indented(body.answer)} testid="call-answer" />`;
}

/** @param {{title: string, copy: string, text: string, testid: string}} props */
function Said({ title, copy, text, testid }) {
  return html`<section class="call-part">
    <div class="code-head"><h3>${title}</h3><${CopyButton} text=${() => text} label=${copy} /></div>
    <pre class="code-text" dir="auto" tabindex="0" aria-label=${title} role="region" data-testid=${testid}><code>${text || "–"}</code></pre>
  </section>`;
}

/**
 * @param {string} text
 * @returns {string} JSON as people read it; what is none, or was cut short, as it is.
 */
function indented(text) {
  try {
    const read = JSON.parse(text);
    return typeof read === "object" ? JSON.stringify(read, null, 2) : text;
  } catch {
    return text;
  }
}
