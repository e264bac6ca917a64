// Usage as the gateway gives it, by day and group, folded into the rows of a table and the series of a chart.

/** @typedef {import("../admin/shapes.js").Group} Group */
/** @typedef {import("../admin/shapes.js").Sums} Sums */
/** @typedef {import("../admin/shapes.js").UsageRow} UsageRow */

/** @typedef {"cost" | "tokens" | "calls"} Measure */
/** @typedef {Sums & {name: string}} TableRow  `name` is the group's: a day, a key's id, a model; empty where there is none. */
/** @typedef {{name: string | null, values: number[]}} Series  One value a day; without a name: all that is left. */

export const SUMS = /** @type {const} */ ([
  "calls",
  "failed",
  "input_tokens",
  "output_tokens",
  "cached_tokens",
  "cache_write_tokens",
  "reasoning_tokens",
  "cost_micros",
  "estimated",
  "unpriced",
]);

/** More would have colours that nobody tells apart. */
export const MOST_SERIES = 7;

/**
 * @param {UsageRow[]} rows
 * @param {Group} by
 * @returns {TableRow[]} A row a group.
 */
export function tableRows(rows, by) {
  /** @type {Map<string, TableRow>} */
  const found = new Map();
  for (const row of rows) {
    const name = row[by] ?? "";
    const sums = found.get(name) ?? { name, ...nothing() };
    for (const sum of SUMS) sums[sum] += row[sum];
    found.set(name, sums);
  }
  return [...found.values()];
}

/** @returns {Sums} */
function nothing() {
  return /** @type {Sums} */ (Object.fromEntries(SUMS.map((sum) => [sum, 0])));
}

/**
 * @param {Sums} sums
 * @param {Measure} measure
 */
export function measured(sums, measure) {
  if (measure === "cost") return sums.cost_micros;
  return measure === "calls" ? sums.calls : sums.input_tokens + sums.output_tokens;
}

/**
 * @param {UsageRow[]} rows
 * @param {{by: Group, measure: Measure, days: string[]}} wanted
 * @returns {Series[]} The greatest first; those beyond `MOST_SERIES` are one.
 */
export function seriesOf(rows, { by, measure, days }) {
  const at = new Map(days.map((day, index) => [day, index]));
  /** @type {Map<string, number[]>} */
  const found = new Map();
  for (const row of rows) {
    const index = at.get(row.day ?? "");
    if (index === undefined) continue;
    const name = by === "day" ? "" : (row[by] ?? "");
    const values = found.get(name) ?? days.map(() => 0);
    values[index] += measured(row, measure);
    found.set(name, values);
  }
  const sorted = [...found].map(([name, values]) => ({ name, values })).sort((one, other) => total(other) - total(one));
  if (sorted.length <= MOST_SERIES + 1) return sorted;
  const others = sorted.slice(MOST_SERIES);
  const values = days.map((_, index) => others.reduce((sum, series) => sum + series.values[index], 0));
  return [...sorted.slice(0, MOST_SERIES), { name: null, values }];
}

/** @param {Series} series */
export function total({ values }) {
  return values.reduce((sum, value) => sum + value, 0);
}

/**
 * @param {Series[]} series
 * @returns {number[][]} Each on top of those before it.
 */
export function stacked(series) {
  /** @type {number[][]} */
  const stack = [];
  for (const { values } of series) {
    const below = stack.at(-1);
    stack.push(values.map((value, index) => value + (below?.[index] ?? 0)));
  }
  return stack;
}

/**
 * @param {TableRow[]} rows
 * @param {{by: keyof TableRow, down: boolean}} order
 * @param {(row: TableRow) => string} label  How a row is called: names are ordered as they are shown.
 */
export function sorted(rows, { by, down }, label) {
  const way = down ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [left, right] = by === "name" ? [label(one), label(other)] : [one[by], other[by]];
    if (left === right) return label(one) < label(other) ? -1 : 1;
    return (left < right ? -1 : 1) * way;
  });
}
