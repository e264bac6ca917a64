// The connection to the database: opened, given up for a newer version of the page, and opened again where the browser
// has cut it (Safari does so to pages in the background, every browser does when site data is cleared).

import { openDB } from "../vendor/core.js";
import { storeError, StoreError } from "./errors.js";
import { upgrade } from "./schema.js";

/** @typedef {import("./schema.js").Database} Database */
/** @typedef {import("./schema.js").Step} Step */

/**
 * @typedef {object} Connection
 * @property {<T>(work: (db: Database) => Promise<T>) => Promise<T>} run  Rejects with a StoreError. The work is done a
 *   second time on a new connection where the first was cut, so doing it twice must be as good as once.
 * @property {() => void} close
 */

/**
 * @typedef {object} ConnectionOptions
 * @property {readonly Step[]} steps
 * @property {number} blockedMs  How long an older version in another tab may hold up the opening.
 * @property {(problem: StoreError) => void} onProblem
 * @property {typeof openDB} [open]
 */

// What an operation meets when its connection has been cut: before it began, while it ran, and Safari's own.
const CUT = ["InvalidStateError", "AbortError", "UnknownError"];

/**
 * @param {string} name
 * @param {ConnectionOptions} options
 * @returns {Promise<Connection>}
 */
export async function connect(name, options) {
  /** @type {StoreError | null} */
  let ended = null;

  /** @returns {Promise<Database>} */
  const open = () =>
    opened(name, options, (db, isDeleted) => {
      if (isDeleted) return renew(db);
      end(db);
      options.onProblem(/** @type {StoreError} */ (ended));
    });

  // Who deletes the database (in the browser's tools, say) has what is there deleted; what comes is kept all the same.
  /** @param {Database} db */
  const renew = (db) => {
    db.close();
    current = open();
    current.catch(() => {});
  };

  /** @param {Database} db */
  const end = (db) => {
    ended = new StoreError("STORAGE_CLOSED");
    db.close();
  };

  let current = open();
  await current;

  /** @type {Connection["run"]} */
  const run = async (work) => {
    const first = current;
    try {
      if (ended !== null) throw ended;
      return await work(await first);
    } catch (error) {
      if (ended !== null) throw ended;
      if (!(error instanceof DOMException && CUT.includes(error.name))) throw storeError(error);
    }
    if (current === first) {
      current = open();
      first.then((db) => db.close(), () => {});
    }
    return current.then(work).catch((error) => {
      throw ended ?? storeError(error);
    });
  };

  return { run, close: () => void current.then(end, () => {}) };
}

/**
 * @param {string} name
 * @param {ConnectionOptions} options
 * @param {(db: Database, isDeleted: boolean) => void} onNewer Another tab wants to upgrade or delete the database and
 *   waits for this one.
 * @returns {Promise<Database>}
 */
function opened(name, { steps, blockedMs, open = openDB }, onNewer) {
  return new Promise((resolve, reject) => {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    let late = false;
    const opening = open(name, steps.length, {
      upgrade: (db, version, _to, transaction) => upgrade(steps, db, version, transaction),
      blocked() {
        timer = setTimeout(() => {
          late = true;
          reject(new StoreError("STORAGE_BLOCKED"));
        }, blockedMs);
      },
      blocking: (_present, wanted) => void opening.then((db) => onNewer(db, wanted === null)),
    });
    opening
      .then((db) => (late ? db.close() : resolve(db)), reject)
      .finally(() => clearTimeout(timer));
  });
}
