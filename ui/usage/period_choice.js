// Which days: some up to today, or from one to another.

import { html } from "../vendor/core.js";
import { nameOf } from "../admin/period.js";
import { setQuery } from "../admin/query.js";
import { t } from "../admin/texts.js";
import { Choice } from "../views/fields.js";

/** @typedef {import("../admin/period.js").Period} Period */

const RANGES = /** @type {const} */ (["today", "7d", "30d", "90d", "custom"]);

/** @param {{period: Period}} props */
export function PeriodChoice({ period }) {
  const [first, last] = [period.days[0], period.days[period.days.length - 1]];
  /** @param {string} range */
  const choose = (range) =>
    setQuery({ range, from: range === "custom" ? first : null, to: range === "custom" ? last : null });
  return html`<div class="period">
    <${Choice} label=${t("range")} value=${period.range} onChange=${choose}
      options=${RANGES.map((range) => ({ value: range, label: t(`range.${range}`) }))} />
    ${period.range === "custom" &&
    html`<div class="period-days">
      <${Day} label=${t("range.from")} value=${first} most=${last} choose=${(/** @type {string} */ from) => setQuery({ from })} />
      <${Day} label=${t("range.to")} value=${last} least=${first} most=${nameOf(Date.now())} choose=${(/** @type {string} */ to) => setQuery({ to })} />
    </div>`}
    <span class="hint">${t("range.utc")}</span>
  </div>`;
}

/** @param {{label: string, value: string, least?: string, most: string, choose: (day: string) => void}} props */
function Day({ label, value, least, most, choose }) {
  /** @param {any} event */
  const changed = ({ currentTarget: box }) => {
    if (box.value !== "" && box.checkValidity()) choose(box.value);
  };
  return html`<label class="labelled"><span>${label}</span>
    <input type="date" class="input" value=${value} min=${least} max=${most} onChange=${changed} />
  </label>`;
}
