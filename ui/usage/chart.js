// The chart of the usage: a bar a day, stacked by group. A picture of the table, for eyes; what says the same to everybody
// else is the table below it.

import { html, useEffect, useRef, useSignal } from "../vendor/core.js";
import { dollarsOf } from "../admin/money.js";
import { dayOf } from "../admin/period.js";
import { setQuery } from "../admin/query.js";
import { t } from "../admin/texts.js";
import { number, utcDate } from "../admin/written.js";
import { settings } from "../settings.js";
import { Choice } from "../views/fields.js";
import { loadStyles } from "../views/lazy.js";
import { seriesOf, total } from "./fold.js";

/** @typedef {import("../admin/shapes.js").Group} Group */
/** @typedef {import("../admin/shapes.js").UsageRow} UsageRow */
/** @typedef {import("./fold.js").Measure} Measure */
/** @typedef {import("./fold.js").Series} Series */

/**
 * @typedef {object} ChartProps
 * @property {UsageRow[]} rows
 * @property {Group} by
 * @property {Measure} measure
 * @property {readonly Measure[]} measures
 * @property {string[]} days
 * @property {(name: string) => string} label
 */

/** @param {ChartProps} props */
export function Chart({ rows, by, measure, measures, days, label }) {
  const series = seriesOf(rows, { by, measure, days });
  const named = (/** @type {Series} */ { name }) =>
    name === null ? t("usage.others") : by === "day" ? t(`usage.${measure}`) : label(name);
  const write = measure === "cost" ? dollarsOf : number;
  const at = useSignal(/** @type {number | null} */ (null));
  const shown = at.value !== null && at.value < days.length ? at.value : null;
  return html`<figure class="chart">
    <figcaption class="chart-head">
      <${Choice} label=${t("usage.measure")} value=${measure} onChange=${(/** @type {string} */ chosen) => setQuery({ chart: chosen })}
        options=${measures.map((each) => ({ value: each, label: t(`usage.${each}`) }))} />
    </figcaption>
    <${Canvas} series=${series} days=${days} measure=${measure} at=${at} />
    <div class="chart-legend">
      <span class="chart-day">${shown === null ? t("usage.total") : utcDate(dayOf(days[shown]) ?? 0)}</span>
      <ul>
        ${series.map((each, index) => html`<li key=${each.name ?? "…"}>
          <span class="swatch" data-colour=${each.name === null ? "others" : index + 1}></span>
          <span class="legend-name" dir="auto" title=${named(each)}>${named(each)}</span>
          <span class="legend-value">${write(shown === null ? total(each) : each.values[shown])}</span>
        </li>`)}
      </ul>
    </div>
  </figure>`;
}

/** @param {{series: Series[], days: string[], measure: Measure, at: import("../vendor/core.js").Signal<number | null>}} props */
function Canvas({ series, days, measure, at }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const theme = useTheme();
  const content = JSON.stringify([series, days, measure]);
  useEffect(() => {
    let left = false;
    let close = () => {};
    const draw = async () => {
      const [{ drawChart }] = await Promise.all([import("./drawing.js"), loadStyles("vendor/uplot.css")]);
      if (!left && box.current !== null) close = drawChart(box.current, { series, days, measure, pointed: (index) => (at.value = index) });
    };
    void draw();
    return () => {
      left = true;
      close();
    };
  }, [content, theme]);
  return html`<div ref=${box} class="chart-box" role="img" aria-label=${t("usage.chart", { measure: t(`usage.${measure}`) })}></div>`;
}

/** A picture has the colours that it was drawn with: it is drawn anew in another theme. */
function useTheme() {
  const dark = useSignal(matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => (dark.value = system.matches);
    system.addEventListener("change", changed);
    return () => system.removeEventListener("change", changed);
  }, []);
  return `${settings.value.theme} ${dark.value}`;
}
