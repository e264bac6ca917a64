// How safe what is kept is: whether it stays, how much room it takes and there is, when it was last exported.

/** @typedef {import("./store.js").Store} Store */

/**
 * `null` where the browser does not tell (over plain HTTP from another machine it tells nothing).
 *
 * @typedef {object} Health
 * @property {boolean} lasting
 * @property {boolean | null} persisted  Whether the browser has promised not to clear it when space runs low.
 * @property {number | null} usedBytes
 * @property {number | null} quotaBytes
 * @property {number | null} lastExport
 */

/**
 * @param {Store} store
 * @param {Partial<StorageManager>} [storage]
 * @returns {Promise<Health>}
 */
export async function health(store, storage = navigator.storage ?? {}) {
  const [persisted, estimate, lastExport] = await Promise.all([
    answer(storage.persisted?.()),
    answer(storage.estimate?.()),
    answer(store.meta("lastExport")),
  ]);
  const { usage = null, quota = null } = estimate ?? {};
  return { lasting: store.lasting, persisted, usedBytes: usage, quotaBytes: quota, lastExport };
}

/**
 * Ask the browser to keep everything until the person clears it. Firefox asks the person.
 *
 * @param {Partial<StorageManager>} [storage]
 * @returns {Promise<boolean>} Whether it will.
 */
export async function askToPersist(storage = navigator.storage ?? {}) {
  return (await answer(storage.persist?.())) ?? false;
}

/**
 * @template T
 * @param {Promise<T> | undefined} question
 * @returns {Promise<T | null>} Null where it cannot be asked or answered.
 */
async function answer(question) {
  try {
    return (await question) ?? null;
  } catch {
    return null;
  }
}
