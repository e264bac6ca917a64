// The tables of the database, and how an older database becomes the present one.

/** @typedef {import("../vendor/core.js").IDBPDatabase} Database */
/** @typedef {import("../vendor/core.js").IDBPTransaction<unknown, string[], "versionchange">} Upgrade */
/** @typedef {(db: Database, transaction: Upgrade) => void | Promise<void>} Step */
/** @typedef {"threads" | "messages" | "drafts" | "meta"} Table */

/** The field that names a row. @type {Record<Table, string>} */
export const KEYS = { threads: "id", messages: "id", drafts: "thread", meta: "key" };

export const TABLES = /** @type {Table[]} */ (Object.keys(KEYS));

/**
 * `STEPS[n]` makes version n + 1 of version n. A step that people have run is never changed: append one.
 *
 * @type {readonly Step[]}
 */
export const STEPS = [
  (db) => {
    const { messages } = Object.fromEntries(
      Object.entries(KEYS).map(([table, keyPath]) => [table, db.createObjectStore(table, { keyPath })]),
    );
    // With the time: a thread's messages come in their order, and a search can read the newest few of them.
    messages.createIndex("thread", ["thread", "created"]);
  },
];

/**
 * Bring a database up to the last of the steps, or leave it as it was.
 *
 * @param {readonly Step[]} steps
 * @param {Database} db
 * @param {number} version The version that it has.
 * @param {Upgrade} transaction
 */
export async function upgrade(steps, db, version, transaction) {
  try {
    for (const step of steps.slice(version)) await step(db, transaction);
  } catch {
    transaction.done.catch(() => {}); // The opening fails by the abort and says so.
    transaction.abort();
  }
}
