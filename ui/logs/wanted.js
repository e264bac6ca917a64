// Which calls the address asks for, as the gateway takes it.

import { FILTERS } from "../admin/names.js";

const MINUTE_MS = 60_000;

/** @type {Record<string, number>} */
const RANGES = { "15m": 15 * MINUTE_MS, "1h": 60 * MINUTE_MS, "24h": 1440 * MINUTE_MS, "7d": 7 * 1440 * MINUTE_MS };

/** Those that are counted back from now. */
export const RECENT = Object.freeze(Object.keys(RANGES));

/** Everything in the address that narrows the list. */
export const NARROWING = /** @type {const} */ ([...FILTERS, "range", "since", "until", "status", "failed", "code"]);

/**
 * @param {URLSearchParams} here  Of the page.
 * @param {number} now
 * @returns {Record<string, string | null>} Of the request.
 */
export function wantedCalls(here, now) {
  const recent = RANGES[here.get("range") ?? ""];
  const times =
    recent === undefined
      ? { since: timeIn(here, "since"), until: timeIn(here, "until") }
      : { since: String(now - recent), until: null };
  const others = Object.fromEntries([...FILTERS, "status", "code"].map((name) => [name, here.get(name)]));
  return { ...times, ...others, failed: here.get("failed") === "true" ? "true" : null };
}

/**
 * @param {URLSearchParams} here
 * @param {"since" | "until"} name
 */
function timeIn(here, name) {
  const text = here.get(name) ?? "";
  return /^\d{1,16}$/.test(text) ? text : null;
}
