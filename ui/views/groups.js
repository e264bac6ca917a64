// The threads of the sidebar by when they were last used. Plain functions.

import { language, t } from "../strings.js";

/** @typedef {import("../types.js").Thread} Thread */
/** @typedef {{label: string, threads: Thread[]}} Group */

const DAY_MS = 86_400_000;
const month = new Intl.DateTimeFormat(language, { month: "long", year: "numeric" });

/**
 * @param {readonly Thread[]} threads  In the order in which they are shown.
 * @param {number} now
 * @returns {Group[]} None of them empty.
 */
export function groupsOf(threads, now) {
  const today = new Date(now).setHours(0, 0, 0, 0);
  /** @type {Map<string, Thread[]>} */
  const groups = new Map();
  for (const thread of threads) {
    const label = thread.pinned ? t("sidebar.pinned") : labelOf(thread.updated, today);
    const known = groups.get(label);
    if (known) known.push(thread);
    else groups.set(label, [thread]);
  }
  return [...groups].map(([label, inIt]) => ({ label, threads: inIt }));
}

/**
 * @param {number} updated
 * @param {number} today  When this day began.
 */
function labelOf(updated, today) {
  if (updated >= today) return t("sidebar.today");
  // Rounded: a day on which the clocks are changed has 23 or 25 hours.
  const daysAgo = Math.round((today - new Date(updated).setHours(0, 0, 0, 0)) / DAY_MS);
  if (daysAgo === 1) return t("sidebar.yesterday");
  return daysAgo <= 7 ? t("sidebar.week") : month.format(updated);
}
