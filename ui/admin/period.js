// Stretches of whole days in UTC, as usage is summed up by.

/** @typedef {"today" | "7d" | "30d" | "90d" | "custom"} Range */

/**
 * @typedef {object} Period
 * @property {Range} range
 * @property {number} since  The first millisecond.
 * @property {number} until  The one after the last.
 * @property {string[]} days  `2026-11-28`, each of them.
 */

export const DAY_MS = 86_400_000;

/** So many days a chart can show, and a person read. */
export const MOST_DAYS = 731;

/** @type {Record<Exclude<Range, "custom">, number>} */
const LENGTHS = { today: 1, "7d": 7, "30d": 30, "90d": 90 };

/**
 * @param {URLSearchParams} query  `range`; `from` and `to` (a day, included) for a custom one.
 * @param {number} now
 * @returns {Period} The last 30 days where the query says nothing that makes sense.
 */
export function periodOf(query, now) {
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  const range = query.get("range") ?? "";
  if (range === "custom") {
    const from = dayOf(query.get("from"));
    const to = dayOf(query.get("to"));
    const fits = from !== null && to !== null && from <= to && to - from < MOST_DAYS * DAY_MS;
    if (fits) return period("custom", from, to);
  }
  const known = /** @type {keyof typeof LENGTHS} */ (Object.hasOwn(LENGTHS, range) ? range : "30d");
  return period(known, today - (LENGTHS[known] - 1) * DAY_MS, today);
}

/**
 * @param {Range} range
 * @param {number} first
 * @param {number} last
 * @returns {Period}
 */
function period(range, first, last) {
  const days = [];
  for (let day = first; day <= last; day += DAY_MS) days.push(nameOf(day));
  return { range, since: first, until: last + DAY_MS, days };
}

/** @param {number} at */
export function nameOf(at) {
  return new Date(at).toISOString().slice(0, 10);
}

/**
 * @param {string | null} name
 * @returns {number | null} When it begins; null where there is no such day.
 */
export function dayOf(name) {
  const at = /^\d{4}-\d\d-\d\d$/.test(name ?? "") ? Date.parse(`${name}T00:00:00Z`) : NaN;
  return Number.isNaN(at) || nameOf(at) !== name ? null : at;
}
