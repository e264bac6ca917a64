// Rows for as long as the page is open, where the browser gives no database.

import { KEYS } from "./schema.js";

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("./rows.js").Change} Change */
/** @typedef {import("./rows.js").Rows} Rows */
/** @typedef {import("./schema.js").Table} Table */
/** @typedef {Map<string, any>} Kept */

/** @returns {Rows} */
export function memoryRows() {
  /** @type {Record<Table, Kept>} */
  const tables = { threads: new Map(), messages: new Map(), drafts: new Map(), meta: new Map() };

  /** @param {string} thread */
  const ofThread = (thread) => [...tables.messages.values()].filter((row) => row.thread === thread).sort(oldestFirst);

  // Copies in and out, as a database makes them: a row that grows on the page must not grow here.
  return {
    get: async (table, key) => structuredClone(tables[table].get(key)),
    all: async (table) => structuredClone([...tables[table].values()]),
    messagesOf: async (thread) => structuredClone(ofThread(thread)),
    idsOf: async (threads) => threads.map((thread) => ofThread(thread).map((row) => row.id)),
    messages: async (ids) => structuredClone(ids.flatMap((id) => tables.messages.get(id) ?? [])),
    write: async (changes) => {
      for (const change of structuredClone(changes)) apply(tables, change);
    },
    close: () => {},
  };
}

/**
 * @param {Record<Table, Kept>} tables
 * @param {Change} change
 */
function apply(tables, change) {
  const table = tables[change.table];
  if ("put" in change) table.set(change.put[KEYS[change.table]], change.put);
  else if ("remove" in change) table.delete(change.remove);
  else if ("clear" in change) table.clear();
  else for (const [id, row] of table) if (row.thread === change.removeOf) table.delete(id);
}

/**
 * The order that the database's index gives.
 *
 * @param {Message} one
 * @param {Message} other
 */
export function oldestFirst(one, other) {
  return one.created - other.created || (one.id < other.id ? -1 : 1);
}
