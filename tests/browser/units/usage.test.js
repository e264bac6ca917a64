// Usage: which days, and how what the gateway sums up becomes a table and a chart.

import { assertEqual, test } from "./harness.js";
import { namesIn } from "/ui/app/admin/names.js";
import { periodOf } from "/ui/app/admin/period.js";
import { withQuery } from "/ui/app/admin/query.js";
import { MOST_SERIES, seriesOf, sorted, stacked, tableRows } from "/ui/app/usage/fold.js";

const NOON = Date.UTC(2026, 10, 28, 12);
const DAYS = ["2026-11-27", "2026-11-28"];

/**
 * @param {string} day
 * @param {string} model
 * @param {number} calls
 * @param {Partial<import("/ui/app/admin/shapes.js").UsageRow>} [more]
 * @returns {import("/ui/app/admin/shapes.js").UsageRow}
 */
const row = (day, model, calls, more) => ({
  day,
  model,
  calls,
  failed: 0,
  input_tokens: 10 * calls,
  output_tokens: calls,
  cached_tokens: 0,
  cache_write_tokens: 0,
  reasoning_tokens: 0,
  cost_micros: 100 * calls,
  estimated: 0,
  unpriced: 0,
  ...more,
});

/** @param {string} query */
const period = (query) => periodOf(new URLSearchParams(query), NOON);

test("a range ends with today, in whole days of UTC; without one it is 30 days", () => {
  assertEqual(["2026-11-28"], period("range=today").days);
  assertEqual([7, "2026-11-22", "2026-11-28"], [period("range=7d").days.length, period("range=7d").days[0], period("range=7d").days[6]]);
  assertEqual(Date.UTC(2026, 10, 29), period("range=90d").until);
  for (const query of ["", "range=x", "range=toString", "range=custom"]) assertEqual(["30d", 30], [period(query).range, period(query).days.length], query);
});

test("a custom range holds both its days; one that is none is not used", () => {
  const { range, days, since, until } = period("range=custom&from=2024-02-28&to=2024-03-01");

  assertEqual(["custom", ["2024-02-28", "2024-02-29", "2024-03-01"]], [range, days]);
  assertEqual([Date.UTC(2024, 1, 28), Date.UTC(2024, 2, 2)], [since, until]);
  for (const query of ["from=2026-02-30&to=2026-03-01", "from=2026-03-02&to=2026-03-01", "from=1990-01-01&to=2026-01-01", "from=x"]) {
    assertEqual("30d", period(`range=custom&${query}`).range, query);
  }
});

test("rows of several days are one of the table's, their sums added", () => {
  const rows = [row(DAYS[0], "a", 1, { estimated: 1 }), row(DAYS[1], "a", 2, { unpriced: 2 }), row(DAYS[1], "b", 4)];

  const found = tableRows(rows, "model").map(({ name, calls, cost_micros: cost, estimated, unpriced }) => [name, calls, cost, estimated, unpriced]);

  assertEqual([["a", 3, 300, 1, 2], ["b", 4, 400, 0, 0]], found);
  assertEqual([[DAYS[0], 1], [DAYS[1], 6]], tableRows(rows, "day").map(({ name, calls }) => [name, calls]));
});

test("a series has a value for every day, the greatest series first", () => {
  const rows = [row(DAYS[0], "a", 1), row(DAYS[1], "b", 4), row("1999-01-01", "c", 99)];
  const wanted = { by: /** @type {const} */ ("model"), days: DAYS };

  assertEqual([{ name: "b", values: [0, 400] }, { name: "a", values: [100, 0] }], seriesOf(rows, { ...wanted, measure: "cost" }));
  assertEqual([[0, 44], [11, 0]], seriesOf(rows, { ...wanted, measure: "tokens" }).map(({ values }) => values));
  assertEqual([{ name: "", values: [1, 4] }], seriesOf(rows, { by: "day", measure: "calls", days: DAYS }));
});

test("more series than there are colours are one, and nothing of them is lost", () => {
  const rows = Array.from({ length: MOST_SERIES + 3 }, (_, index) => row(DAYS[0], `m${index}`, index + 1));

  const series = seriesOf(rows, { by: "model", measure: "calls", days: DAYS });

  assertEqual([MOST_SERIES + 1, null, [1 + 2 + 3, 0]], [series.length, series.at(-1)?.name, series.at(-1)?.values]);
  assertEqual([55, 0], stacked(series).at(-1));
});

test("the table is ordered by what is shown; equal rows by their names", () => {
  const rows = tableRows([row(DAYS[0], "x", 1), row(DAYS[0], "y", 1), row(DAYS[0], "z", 5)], "model");
  const names = (/** @type {Parameters<typeof sorted>[1]} */ order, label = (/** @type {{name: string}} */ { name }) => name) => sorted(rows, order, label).map(({ name }) => name);

  assertEqual(["z", "x", "y"], names({ by: "cost_micros", down: true }));
  assertEqual(["x", "y", "z"], names({ by: "calls", down: false }));
  assertEqual(["z", "y", "x"], names({ by: "name", down: false }, ({ name }) => ({ x: "3", y: "2", z: "1" })[name] ?? ""));
});

test("filters offer each name once, and no empty one", () => {
  const rows = [row(DAYS[0], "b", 1, { key: "k", provider: "p", team: "" }), row(DAYS[0], "a", 1, { key: "k", provider: "", team: "t" })];

  assertEqual({ model: ["a", "b"], provider: ["p"], team: ["t"] }, namesIn(rows));
});

test("what is empty is left out of an address, and names in it are escaped", () => {
  assertEqual("/x", withQuery("/x", { a: null, b: "" }));
  assertEqual("/x?b=2&c=%26%2B", withQuery("/x", { a: null, c: "&+" }, new URLSearchParams("a=1&b=2")));
});
