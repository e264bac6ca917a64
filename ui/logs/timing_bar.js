// Where the time of a call went, as a bar of its parts and the same in words.

import { html } from "../vendor/core.js";
import { t } from "../admin/texts.js";
import { percent, span } from "../admin/written.js";
import { partsOf } from "./timing.js";

/** @typedef {import("../admin/shapes.js").Call} Call */

/** @param {{call: Call}} props */
export function TimingBar({ call }) {
  const parts = partsOf(call);
  const total = parts.reduce((sum, { ms }) => sum + ms, 0);
  if (total === 0) return null;
  const share = (/** @type {number} */ ms) => (ms / total < 0.001 ? t("call.hardly") : percent(ms / total));
  return html`<section class="call-part">
    <h3>${t("call.timing")}</h3>
    <div class="timing-bar" aria-hidden="true">
      ${parts.map(({ name, ms }) => html`<span key=${name} class="timing-part" data-part=${name} style=${{ flexGrow: ms / total }}
        title=${t("call.timingOf", { name: t(`timing.${name}`), time: span(ms), share: share(ms) })}></span>`)}
    </div>
    <ul class="timing-list">
      ${parts.map(({ name, ms }) => html`<li key=${name}>
        <span class="swatch" data-part=${name}></span>
        <span class="timing-name">${t(`timing.${name}`)}</span>
        <span class="timing-time">${span(ms)}</span>
        <span class="timing-share">${share(ms)}</span>
      </li>`)}
    </ul>
  </section>`;
}
