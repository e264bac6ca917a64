// What narrows the list of calls, and follows it.

import { html, useSignal } from "../vendor/core.js";
import { Filters } from "../admin/filters.js";
import { Narrowing } from "../admin/narrowing.js";
import { query, setQuery, withQuery } from "../admin/query.js";
import { t } from "../admin/texts.js";
import { Icon } from "../icons.js";
import { localTime } from "../keys/draft.js";
import { STATUSES, statusText } from "./status.js";
import { NARROWING, RECENT } from "./wanted.js";

/** @typedef {import("../admin/names.js").Names} Names */
/** @typedef {import("../admin/shapes.js").Key} Key */

/** @param {{names: Names | null, keys: Map<string, Key>}} props */
export function CallFilters({ names, keys }) {
  return html`<${Narrowing} names=${NARROWING}>
    <${TimeRange} />
    <${StatusChoice} />
    <${Filters} names=${names} keys=${keys} />
    <${CodeBox} />
  <//>`;
}

function TimeRange() {
  const here = query();
  const custom = useSignal(false);
  const fixed = here.has("since") || here.has("until") || custom.value;
  const value = fixed ? "custom" : (RECENT.find((range) => range === here.get("range")) ?? "any");
  /** @param {any} event */
  const choose = ({ currentTarget: { value: chosen } }) => {
    custom.value = chosen === "custom";
    setQuery({ since: null, until: null, range: chosen === "any" || custom.value ? null : chosen });
  };
  return html`<select class="input select" aria-label=${t("logs.range")} value=${value} data-on=${value !== "any"} onChange=${choose} data-testid="logs-range">
      <option value="any">${t("logs.range.any")}</option>
      ${RECENT.map((range) => html`<option key=${range} value=${range}>${t(/** @type {"logs.range.1h"} */ (`logs.range.${range}`))}</option>`)}
      <option value="custom">${t("logs.range.custom")}</option>
    </select>
    ${fixed && html`<${Moment} name="since" label=${t("range.from")} /><${Moment} name="until" label=${t("range.to")} />`}`;
}

/** @param {{name: "since" | "until", label: string}} props */
function Moment({ name, label }) {
  const at = Number(query().get(name) ?? NaN);
  /** @param {any} event */
  const choose = ({ currentTarget: { value } }) => {
    const chosen = value === "" ? NaN : new Date(value).getTime();
    setQuery({ [name]: Number.isNaN(chosen) ? null : String(chosen), range: null });
  };
  return html`<label class="labelled"><span>${label}</span>
    <input type="datetime-local" class="input" value=${Number.isFinite(at) ? localTime(at / 1000) : ""} onChange=${choose} />
  </label>`;
}

function StatusChoice() {
  const here = query();
  const value = here.get("failed") === "true" ? "failed" : (here.get("status") ?? "");
  /** @param {any} event */
  const choose = ({ currentTarget: { value: chosen } }) =>
    setQuery(chosen === "failed" ? { failed: "true", status: null } : { failed: null, status: chosen });
  return html`<select class="input select" aria-label=${t("logs.status")} value=${value} data-on=${value !== ""} onChange=${choose} data-testid="logs-status">
    <option value="">${t("logs.anyStatus")}</option>
    <option value="failed">${t("logs.anyFailed")}</option>
    ${STATUSES.map((status) => html`<option key=${status} value=${status}>${statusText(status)}</option>`)}
  </select>`;
}

function CodeBox() {
  const value = query().get("code") ?? "";
  return html`<input type="search" class="input code-box" aria-label=${t("logs.code")} placeholder=${t("logs.code")} value=${value} data-on=${value !== ""}
    spellcheck=${false} autocapitalize="off" autocomplete="off" onChange=${(/** @type {any} */ event) => setQuery({ code: event.currentTarget.value.trim() })} data-testid="logs-code" />`;
}

/** @param {{wanted: Record<string, string | null>}} props  Of the list; the file holds all of it. */
export function CsvLink({ wanted }) {
  return html`<a class="button admin-csv" href=${withQuery("/admin/v1/calls", { ...wanted, format: "csv" })} download
    title=${t("logs.csvHint")} data-testid="logs-csv"><${Icon} name="download" /> ${t("logs.csv")}</a>`;
}
