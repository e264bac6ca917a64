// Whether a key can be used, and how much of its budgets is spent.

import { DAY_MS } from "../admin/period.js";
import { WINDOWS } from "./draft.js";

/** @typedef {import("../admin/shapes.js").Key} Key */
/** @typedef {import("../admin/shapes.js").Window} Window */

/** @typedef {"active" | "disabled" | "expired" | "revoked"} Standing */

/**
 * @param {Key} key
 * @param {number} now
 * @returns {Standing}
 */
export function standingOf(key, now) {
  if (key.revoked_at) return "revoked";
  if (key.expires_at !== null && key.expires_at * 1000 <= now) return "expired";
  return key.disabled ? "disabled" : "active";
}

/**
 * @param {Window} window
 * @param {number} now
 * @returns {number | null} When it began, in UTC; null where it has always been.
 */
export function beginningOf(window, now) {
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  const date = new Date(today);
  if (window === "total") return null;
  if (window === "day") return today;
  if (window === "week") return today - ((date.getUTCDay() + 6) % 7) * DAY_MS;
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

/**
 * @param {Key[]} keys
 * @returns {Window[]} Those that any of them has a budget for.
 */
export function windowsOf(keys) {
  return WINDOWS.filter((window) => keys.some((key) => key.limits.budgets_micros[window] !== null));
}

/** @typedef {Map<Window, Map<string, number>>} Spent  Micro-dollars by window and key. */

/** @typedef {{window: Window, most: number, spent: number | null}} Budget  `spent` is null until it is known. */

/**
 * @param {Key} key
 * @param {Spent} spent
 * @returns {Budget[]}
 */
export function budgetsOf(key, spent) {
  return WINDOWS.flatMap((window) => {
    const most = key.limits.budgets_micros[window];
    const known = spent.get(window);
    return most === null ? [] : [{ window, most, spent: known ? (known.get(key.id) ?? 0) : null }];
  });
}
