// The page of the usage: what calls came to in some days, by whom or what, as a chart and as a table.

import { html } from "../vendor/core.js";
import { useAsked } from "../admin/asked.js";
import { dollarsOf, exactDollars } from "../admin/money.js";
import { Filters } from "../admin/filters.js";
import { FILTERS, keyName, useKeys, useNames } from "../admin/names.js";
import { Narrowing } from "../admin/narrowing.js";
import { periodOf } from "../admin/period.js";
import { query, setQuery, withQuery } from "../admin/query.js";
import { GatewayPage, Nothing, Trouble, Waiting } from "../admin/states.js";
import { t } from "../admin/texts.js";
import { number, percent, shortNumber } from "../admin/written.js";
import { Icon } from "../icons.js";
import { Chart } from "./chart.js";
import { measured } from "./fold.js";
import { PeriodChoice } from "./period_choice.js";
import { UsageTable } from "./table.js";

/** @typedef {import("../admin/shapes.js").Group} Group */
/** @typedef {import("../admin/shapes.js").Sums} Sums */
/** @typedef {import("../admin/shapes.js").Usage} Usage */
/** @typedef {import("./fold.js").Measure} Measure */

const GROUPS = /** @type {const} */ (["day", "model", "key", "provider", "team"]);
const MEASURES = /** @type {const} */ (["cost", "tokens", "calls"]);

export function UsagePage() {
  return html`<${GatewayPage} name="usage">${() => html`<${Report} />`}<//>`;
}

function Report() {
  const here = query();
  const period = periodOf(here, Date.now());
  const by = /** @type {Group} */ (GROUPS.find((group) => group === here.get("by")) ?? "model");
  const measure = /** @type {Measure | undefined} */ (MEASURES.find((each) => each === here.get("chart")));
  const times = { since: String(period.since), until: String(period.until) };
  const filters = Object.fromEntries(FILTERS.map((name) => [name, here.get(name)]));
  const path = (/** @type {Record<string, string>} */ more) => withQuery("/admin/v1/usage", { ...times, ...filters, ...more });
  const asked = useAsked(path({ by: by === "day" ? "day" : `day,${by}` }), (answer) => /** @type {Usage} */ (answer));
  const keys = useKeys();
  const names = useNames(period.since, period.until);
  const label = (/** @type {string} */ name) => labelOf(by, name, keys);
  return html`<div class="admin-tools">
      <${PeriodChoice} period=${period} />
    </div>
    <div class="admin-row">
    <${Narrowing} names=${FILTERS}>
      <label class="labelled"><span>${t("usage.by")}</span>
        <select class="input select" value=${by} data-testid="usage-by" onChange=${(/** @type {any} */ event) => setQuery({ by: event.currentTarget.value, sort: null })}>
          ${GROUPS.map((group) => html`<option key=${group} value=${group}>${t(`usage.by.${group}`)}</option>`)}
        </select>
      </label>
      <${Filters} names=${names} keys=${keys} />
    <//>
      <a class="button admin-csv" href=${path({ by, format: "csv" })} download
        title=${t("usage.csvHint")} data-testid="usage-csv"><${Icon} name="download" /> ${t("usage.csv")}</a>
    </div>
    ${asked.problem !== null && html`<${Trouble} problem=${asked.problem} again=${asked.again} />`}
    ${asked.data === null
      ? asked.problem === null && html`<${Waiting} />`
      : asked.data.total.calls === 0
        ? html`<${Nothing} icon="chart" title=${t("usage.none")} text=${t("usage.noneHint")} />`
        : html`<div class="usage-report" aria-busy=${asked.loading} data-stale=${asked.loading}>
            <${Cards} sums=${asked.data.total} />
            <${Chart} rows=${asked.data.data} by=${by} measure=${measure ?? telling(asked.data.total)} measures=${MEASURES} days=${period.days} label=${label} />
            <${UsageTable} usage=${asked.data} by=${by} period=${period} label=${label} />
            <${Marks} sums=${asked.data.total} />
          </div>`}`;
}

/**
 * What the chart shows where nobody has chosen: the first measure that there is anything of.
 *
 * @param {Sums} sums
 */
function telling(sums) {
  return MEASURES.find((each) => measured(sums, each) > 0) ?? "calls";
}

/**
 * @param {Group} by
 * @param {string} name
 * @param {Map<string, import("../admin/shapes.js").Key>} keys
 */
function labelOf(by, name, keys) {
  if (name !== "") return by === "key" ? keyName(name, keys) : name;
  if (by === "key") return t("usage.noKey");
  if (by === "team") return t("usage.noTeam");
  return t(by === "provider" ? "usage.noProvider" : "usage.noModel");
}

/** @param {{sums: Sums}} props */
function Cards({ sums }) {
  const { calls, failed, input_tokens: input, output_tokens: output, cost_micros: cost } = sums;
  const share = (/** @type {number} */ part, /** @type {number} */ whole) => percent(whole === 0 ? 0 : part / whole);
  return html`<dl class="cards" data-testid="usage-cards">
    <${Card} name=${t("usage.cost")} value=${dollarsOf(cost)} exact=${exactDollars(cost)} more=${t("usage.perCall", { cost: dollarsOf(Math.round(cost / calls)) })} />
    <${Card} name=${t("usage.calls")} value=${shortNumber(calls)} exact=${number(calls)} more=${t("usage.failedShare", { share: share(failed, calls) })} />
    <${Card} name=${t("usage.inputTokens")} value=${shortNumber(input)} exact=${number(input)} more=${t("usage.ofCached", { share: share(sums.cached_tokens, input) })} />
    <${Card} name=${t("usage.outputTokens")} value=${shortNumber(output)} exact=${number(output)} more=${t("usage.ofReasoning", { share: share(sums.reasoning_tokens, output) })} />
  </dl>`;
}

/** @param {{name: string, value: string, exact: string, more: string}} props */
function Card({ name, value, exact, more }) {
  return html`<div class="card">
    <dt>${name}</dt>
    <dd class="card-value" title=${exact}>${value}</dd>
    <dd class="card-more">${more}</dd>
  </div>`;
}

/** @param {{sums: Sums}} props */
function Marks({ sums: { estimated, unpriced } }) {
  return html`<ul class="usage-marks">
    ${estimated > 0 && html`<li>${t("usage.estimated", { count: estimated })}</li>`}
    ${unpriced > 0 && html`<li>${t("usage.unpriced", { count: unpriced })}</li>`}
  </ul>`;
}
