// The table of calls. On a phone its rows are cards.

import { html } from "../vendor/core.js";
import { dollarsOf, exactDollars } from "../admin/money.js";
import { keyName } from "../admin/names.js";
import { t } from "../admin/texts.js";
import { dayOfYear, fullTime, number, span, timeOfDay } from "../admin/written.js";
import { callPath, follow } from "../router.js";
import { Status } from "./status.js";

/** @typedef {import("../admin/shapes.js").Call} Call */
/** @typedef {import("../admin/shapes.js").Key} Key */

const COLUMNS = /** @type {const} */ ([
  { name: "time", numeric: false },
  { name: "status", numeric: false },
  { name: "model", numeric: false },
  { name: "key", numeric: false },
  { name: "tokens", numeric: true },
  { name: "cost", numeric: true },
  { name: "duration", numeric: true },
]);

/** @param {{rows: Call[], keys: Map<string, Key>, search: string}} props  `search`: the query that leads back here. */
export function CallTable({ rows, keys, search }) {
  return html`<table class="admin-table calls-table" data-testid="calls">
    <caption class="visually-hidden">${t("logs.table")}</caption>
    <thead>
      <tr>${COLUMNS.map(({ name, numeric }) => html`<th scope="col" key=${name} class=${numeric ? "numeric" : undefined}>${t(`logs.${name}`)}</th>`)}</tr>
    </thead>
    <tbody>
      ${rows.map((call) => html`<${Row} key=${call.id} call=${call} keys=${keys} search=${search} />`)}
    </tbody>
  </table>`;
}

/** @param {{call: Call, keys: Map<string, Key>, search: string}} props */
function Row({ call, keys, search }) {
  const { id, at, model, provider, target, key_id: keyId } = call;
  return html`<tr class="call-row" data-call=${id}>
    <th scope="row" class="time-cell">
      <a class="row-cover" href=${callPath(id) + search} aria-label=${`${timeOfDay(at)} ${t("logs.open", { id })}`} title=${fullTime(at)} onClick=${follow}>
        <time datetime=${new Date(at).toISOString()}>${timeOfDay(at)}</time>
      </a>
      <span class="cell-sub">${dayOfYear(at)}</span>
    </th>
    <td data-label=${t("logs.status")}><${Status} call=${call} /></td>
    <td class="model-col" data-label=${t("logs.model")}>
      <span class="cell-main" dir="auto" title=${model}>${model || "–"}</span>
      ${provider && html`<span class="cell-sub" dir="auto">${target && target !== model ? `${provider}/${target}` : provider}</span>`}
    </td>
    <td class="key-col" data-label=${t("logs.key")}>
      ${keyId ? html`<span class="cell-main" dir="auto" title=${keyId}>${keyName(keyId, keys)}</span>` : html`<span class="cell-none">${t("logs.noKey")}</span>`}
    </td>
    <td class="numeric" data-label=${t("logs.tokens")}><${Tokens} call=${call} /></td>
    <td class="numeric" data-label=${t("logs.cost")}><${Cost} call=${call} /></td>
    <td class="numeric" data-label=${t("logs.duration")}>
      <span class="cell-main">${span(call.duration_us / 1000)}</span>
      ${call.first_byte_us !== null && html`<span class="cell-sub">${t("logs.first", { time: span(call.first_byte_us / 1000) })}</span>`}
    </td>
  </tr>`;
}

/** @param {{call: Call}} props */
export function Tokens({ call }) {
  const { counted, input_tokens: input, output_tokens: output } = call;
  if (counted === "none") return html`<span class="cell-none">–</span>`;
  const mark = counted === "estimated" && html`<span class="mark" title=${t("logs.estimatedHint")}><span aria-hidden="true">≈</span><span class="visually-hidden">${t("logs.estimatedHint")}</span></span> `;
  return html`${mark}${t("logs.inOut", { input: number(input), output: number(output) })}`;
}

/** @param {{call: Call}} props */
export function Cost({ call }) {
  if (call.counted === "none") return html`<span class="cell-none">–</span>`;
  if (!call.priced) return html`<span class="cell-none" title=${t("logs.unpricedHint")}>${t("logs.unpriced")}</span>`;
  return html`<span title=${exactDollars(call.cost_micros)}>${dollarsOf(call.cost_micros)}</span>`;
}
