// The table of the usage: sums by group, in any order, with their total. It says all that the chart shows.

import { html } from "../vendor/core.js";
import { dollarsOf, exactDollars } from "../admin/money.js";
import { DAY_MS, dayOf } from "../admin/period.js";
import { query, setQuery, withQuery } from "../admin/query.js";
import { t } from "../admin/texts.js";
import { number, utcDate } from "../admin/written.js";
import { Icon } from "../icons.js";
import { follow, LOGS } from "../router.js";
import { FILTERS } from "../admin/names.js";
import { sorted, tableRows } from "./fold.js";

/** @typedef {import("../admin/period.js").Period} Period */
/** @typedef {import("../admin/shapes.js").Group} Group */
/** @typedef {import("../admin/shapes.js").Sums} Sums */
/** @typedef {import("../admin/shapes.js").Usage} Usage */
/** @typedef {import("./fold.js").TableRow} TableRow */

const COLUMNS = /** @type {const} */ ([
  { sum: "calls", label: "usage.calls" },
  { sum: "failed", label: "usage.failed" },
  { sum: "input_tokens", label: "usage.input" },
  { sum: "output_tokens", label: "usage.output" },
  { sum: "cached_tokens", label: "usage.cached" },
  { sum: "reasoning_tokens", label: "usage.reasoning" },
  { sum: "cost_micros", label: "usage.cost" },
]);

/** @typedef {{by: "name" | typeof COLUMNS[number]["sum"], down: boolean}} Order */

/**
 * @param {string | null} text  A column, with `-` before it: the greatest first.
 * @param {Group} group
 * @returns {Order}
 */
function orderOf(text, group) {
  const wanted = text?.replace(/^-/, "");
  const by = wanted === "name" ? "name" : COLUMNS.find(({ sum }) => sum === wanted)?.sum;
  if (by === undefined) return group === "day" ? { by: "name", down: true } : { by: "cost_micros", down: true };
  return { by, down: text?.startsWith("-") ?? false };
}

/** @param {{usage: Usage, by: Group, period: Period, label: (name: string) => string}} props */
export function UsageTable({ usage, by, period, label }) {
  const order = orderOf(query().get("sort"), by);
  const named = (/** @type {TableRow} */ row) => (by === "day" ? row.name : label(row.name));
  const rows = sorted(tableRows(usage.data, by), order, named);
  return html`<table class="admin-table usage-table">
    <caption class="visually-hidden">${t("usage.table")}</caption>
    <thead>
      <tr>
        <${Heading} by="name" order=${order} label=${t(`usage.by.${by}`)} />
        ${COLUMNS.map(({ sum, label: text }) => html`<${Heading} key=${sum} by=${sum} order=${order} label=${t(text)} numeric />`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map((row) => html`<tr key=${row.name}>
        <th scope="row"><${Name} row=${row} by=${by} period=${period} label=${label} /></th>
        <${Cells} sums=${row} />
      </tr>`)}
    </tbody>
    <tfoot>
      <tr><th scope="row">${t("usage.total")}</th><${Cells} sums=${usage.total} /></tr>
    </tfoot>
  </table>`;
}

/** @param {{by: Order["by"], order: Order, label: string, numeric?: boolean}} props */
function Heading({ by, order, label, numeric = false }) {
  const here = order.by === by;
  // Numbers begin with the greatest, names with the first.
  const down = here ? !order.down : numeric;
  return html`<th scope="col" class=${numeric ? "numeric" : undefined} aria-sort=${here ? (order.down ? "descending" : "ascending") : undefined}>
    <button type="button" class="sort-button" onClick=${() => setQuery({ sort: `${down ? "-" : ""}${by}` })}>${label}<${Icon} name="expand" /></button>
  </th>`;
}

/** @param {{row: TableRow, by: Group, period: Period, label: (name: string) => string}} props  Leads to the calls. */
function Name({ row, by, period, label }) {
  const start = by === "day" ? dayOf(row.name) : null;
  const text = start === null ? label(row.name) : utcDate(start);
  if (row.name === "") return html`<span class="cell-none">${text}</span>`;
  const here = query();
  const times = start === null ? { since: String(period.since), until: String(period.until) } : { since: String(start), until: String(start + DAY_MS) };
  const filters = Object.fromEntries(FILTERS.map((name) => [name, here.get(name)]));
  const own = by === "day" ? {} : { [by === "key" ? "key_id" : by]: row.name };
  const path = withQuery(LOGS, { ...filters, ...own, ...times });
  return html`<a class="row-link" dir="auto" href=${path} title=${t("usage.showCalls", { name: text })} onClick=${follow}>${text}</a>`;
}

/** @param {{sums: Sums}} props */
function Cells({ sums }) {
  return COLUMNS.map(({ sum, label }) => {
    const value = sums[sum];
    if (sum !== "cost_micros") {
      const quiet = value === 0 ? " cell-none" : sum === "failed" ? " cell-danger" : "";
      return html`<td key=${sum} class=${`numeric${quiet}`} data-label=${t(label)}>${number(value)}</td>`;
    }
    return html`<td key=${sum} class="numeric" data-label=${t(label)} title=${exactDollars(value)}>
      <${Mark} sign="≈" count=${sums.estimated} text="usage.estimatedMark" />
      <${Mark} sign="∅" count=${sums.unpriced} text="usage.unpricedMark" />
      ${dollarsOf(value)}
    </td>`;
  });
}

/** @param {{sign: string, count: number, text: "usage.estimatedMark" | "usage.unpricedMark"}} props */
function Mark({ sign, count, text }) {
  if (count === 0) return null;
  const said = t(text, { count });
  return html`<span class="mark" title=${said}><span aria-hidden="true">${sign}</span><span class="visually-hidden">${said}</span></span> `;
}
