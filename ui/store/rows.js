// Rows in tables: what a store needs of the place that keeps them. Here: the database; `memory.js` is the other one.

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("./connection.js").Connection} Connection */
/** @typedef {import("./schema.js").Database} Database */
/** @typedef {import("./schema.js").Table} Table */
/** @typedef {import("../vendor/core.js").IDBPTransaction<unknown, string[], "readwrite">} Transaction */

/**
 * @typedef {{table: Table, put: Record<string, any>}
 *   | {table: Table, remove: string}
 *   | {table: "messages", removeOf: string}
 *   | {table: Table, clear: true}} Change  `removeOf` names a thread.
 */

/**
 * @typedef {object} Rows
 * @property {(table: Table, key: string) => Promise<any>} get  `undefined` where there is none.
 * @property {(table: Table) => Promise<any[]>} all
 * @property {(thread: string) => Promise<Message[]>} messagesOf  The oldest first.
 * @property {(threads: string[]) => Promise<string[][]>} idsOf  The ids of the messages of each, the oldest first.
 * @property {(ids: string[]) => Promise<Message[]>} messages  Those of them that there are.
 * @property {(changes: Change[], keep?: boolean) => Promise<void>} write  All of them or, where it rejects, none;
 *   `keep` (the default): rows that cannot be written stay readable where there is somebody to keep them.
 * @property {() => void} close
 */

// A large import lets the page breathe after every so many rows.
const AT_ONCE = 100;

/**
 * @param {Connection} connection
 * @returns {Rows}
 */
export function databaseRows({ run, close }) {
  return {
    get: (table, key) => run((db) => db.get(table, key)),
    all: (table) => run((db) => db.getAll(table)),
    messagesOf: (thread) => run((db) => db.getAllFromIndex("messages", "thread", ofThread(thread))),
    idsOf: (threads) =>
      run(async (db) => {
        const index = db.transaction("messages").store.index("thread");
        const keys = await Promise.all(threads.map((thread) => index.getAllKeys(ofThread(thread))));
        return keys.map((ids) => ids.map(String));
      }),
    messages: (ids) =>
      run(async (db) => {
        const { store } = db.transaction("messages");
        const found = await Promise.all(ids.map((id) => store.get(id)));
        return found.filter((row) => row !== undefined);
      }),
    write: (changes) => (changes.length === 0 ? Promise.resolve() : run((db) => write(db, changes))),
    close,
  };
}

/** @param {string} thread */
function ofThread(thread) {
  return IDBKeyRange.bound([thread], [thread, []]); // An empty list comes after every number.
}

/**
 * @param {Database} db
 * @param {Change[]} changes
 */
async function write(db, changes) {
  const tables = [...new Set(changes.map((change) => change.table))];
  // Relaxed: what is written survives the browser, not a power cut; a checkpoint does not wait for the disk.
  const transaction = db.transaction(tables, "readwrite", { durability: "relaxed" });
  const { done } = transaction;
  done.catch(() => {}); // It may fail before it is awaited.
  try {
    for (const [index, change] of changes.entries()) {
      const request = apply(transaction, change);
      request.catch(() => {}); // The transaction fails with it.
      if (index % AT_ONCE === AT_ONCE - 1 || "removeOf" in change) await request;
    }
    transaction.commit(); // A page that is left while this is written gets no turn to do so by itself.
  } catch (error) {
    abort(transaction);
    throw transaction.error ?? error;
  }
  await done;
}

/**
 * @param {Transaction} transaction
 * @param {Change} change
 * @returns {Promise<unknown>}
 */
function apply(transaction, change) {
  const store = transaction.objectStore(change.table);
  if ("put" in change) return store.put(change.put);
  if ("remove" in change) return store.delete(change.remove);
  if ("clear" in change) return store.clear();
  const keys = store.index("thread").getAllKeys(ofThread(change.removeOf));
  return keys.then((found) => Promise.all(found.map((key) => store.delete(key))));
}

/** @param {Transaction} transaction */
function abort(transaction) {
  try {
    transaction.abort();
  } catch {
    // It has ended by itself: that is why there is an error.
  }
}
