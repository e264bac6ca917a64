// Rows that could not be written (no space left) stay readable for as long as the page is open, so that the page shows
// them and an export holds them. Writing them again is up to whoever wrote them.

import { oldestFirst } from "./memory.js";
import { KEYS } from "./schema.js";

/** @typedef {import("./rows.js").Change} Change */
/** @typedef {import("./rows.js").Rows} Rows */
/** @typedef {import("./schema.js").Table} Table */
/** @typedef {Extract<Change, {put: any}>} Put */

/**
 * @param {Rows} rows
 * @returns {Rows}
 */
export function keepUnsaved(rows) {
  /** @type {Map<string, Put>} */
  const unsaved = new Map();

  /** @param {Table} table */
  const waiting = (table) =>
    [...unsaved.values()].filter((change) => change.table === table).map((change) => structuredClone(change.put));

  /** @type {Rows["write"]} */
  const write = async (changes, keep = true) => {
    try {
      await rows.write(changes);
    } catch (error) {
      const puts = changes.filter((change) => keep && "put" in change);
      for (const change of /** @type {Put[]} */ (puts)) unsaved.set(nameOf(change), structuredClone(change));
      throw error;
    }
    for (const [name, put] of unsaved) if (changes.some((change) => settles(change, put))) unsaved.delete(name);
  };

  return {
    ...rows,
    write,
    get: async (table, key) => structuredClone(unsaved.get(`${table} ${key}`)?.put) ?? rows.get(table, key),
    all: async (table) => merged(table, await rows.all(table), waiting(table)),
    messagesOf: async (thread) => {
      const ours = waiting("messages").filter((row) => row.thread === thread);
      const stored = await rows.messagesOf(thread);
      return ours.length === 0 ? stored : merged("messages", stored, ours).sort(oldestFirst);
    },
  };
}

/** @param {Put} change */
function nameOf({ table, put }) {
  return `${table} ${put[KEYS[table]]}`;
}

/**
 * Whether a change that has been written leaves nothing to write of a row that waits.
 *
 * @param {Change} change
 * @param {Put} waiting
 */
function settles(change, waiting) {
  if (change.table !== waiting.table) return false;
  if ("put" in change) return nameOf(change) === nameOf(waiting);
  if ("remove" in change) return change.remove === waiting.put[KEYS[change.table]];
  return "clear" in change || change.removeOf === waiting.put.thread;
}

/**
 * @param {Table} table
 * @param {any[]} rows
 * @param {any[]} newer
 */
function merged(table, rows, newer) {
  const key = KEYS[table];
  return [...new Map([...rows, ...newer].map((row) => [row[key], row])).values()];
}
