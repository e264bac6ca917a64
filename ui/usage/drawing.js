// Draws the bars of a chart, by uPlot. Loaded with the first chart.

import { uPlot } from "../vendor/uplot.js";
import { shortDollars } from "../admin/money.js";
import { dayOf } from "../admin/period.js";
import { shortNumber, utcDay } from "../admin/written.js";
import { stacked } from "./fold.js";

/** @typedef {import("./fold.js").Measure} Measure */
/** @typedef {import("./fold.js").Series} Series */

const HEIGHT = 220;

/**
 * @param {HTMLElement} box
 * @param {object} what
 * @param {Series[]} what.series
 * @param {string[]} what.days
 * @param {Measure} what.measure
 * @param {(index: number | null) => void} what.pointed  The day that is pointed at.
 * @returns {() => void} Takes it away.
 */
export function drawChart(box, { series, days, measure, pointed }) {
  // The highest first: each of those that follow is painted over the lower part of it.
  const stack = stacked(series);
  const layers = stack.map((values, index) => ({ values, colour: colourOf(box, series[index], index) })).reverse();
  const line = colour(box, "var(--border)");
  const text = colour(box, "var(--text-muted)");
  const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: `12px ${getComputedStyle(box).fontFamily}` };
  const chart = new uPlot(
    {
      width: box.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: [-0.6, days.length - 0.4] },
        y: { range: (_, __, most) => [0, (most || ONE[measure]) * 1.05] },
      },
      axes: [
        { ...axis, size: 30, grid: { show: false }, incrs: [1, 2, 5, 7, 14, 30, 60, 90, 180], space: 56, values: (_, indexes) => indexes.map((index) => labelOf(days[index])) },
        { ...axis, size: 56, incrs: INCREMENTS, values: (_, values) => values.map(measure === "cost" ? shortDollars : shortNumber) },
      ],
      series: [
        {},
        ...layers.map(({ colour: fill }) => ({
          fill,
          width: 0,
          points: { show: false },
          paths: uPlot.paths.bars?.({ size: [0.72, 56], radius: 0.08 }),
        })),
      ],
      hooks: { setCursor: [(drawn) => pointed(drawn.cursor.idx ?? null)] },
    },
    [days.map((_, index) => index), ...layers.map(({ values }) => values)],
    box,
  );
  const resized = new ResizeObserver(() => {
    if (box.clientWidth > 0 && box.clientWidth !== chart.width) chart.setSize({ width: box.clientWidth, height: HEIGHT });
  });
  resized.observe(box);
  return () => {
    resized.disconnect();
    chart.destroy();
  };
}

/** How high a chart of nothing is: a height that its axis has a short name for. */
const ONE = { cost: 1_000_000, tokens: 1, calls: 1 };

/** 1, 2 and 5 of every size: no axis needs a fraction of a call, a token or a micro-dollar. */
const INCREMENTS = Array.from({ length: 14 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

/** @param {string | undefined} day */
function labelOf(day) {
  const at = day === undefined ? null : dayOf(day);
  return at === null ? "" : utcDay(at);
}

/**
 * @param {HTMLElement} box
 * @param {Series} series
 * @param {number} index
 */
function colourOf(box, { name }, index) {
  return colour(box, name === null ? "var(--chart-others)" : `var(--chart-${index + 1})`);
}

/**
 * A canvas knows nothing of custom properties: have the browser say what one comes to.
 *
 * @param {HTMLElement} box
 * @param {string} value
 */
function colour(box, value) {
  box.style.color = value;
  const found = getComputedStyle(box).color;
  box.style.color = "";
  return found;
}
