// Locks that tabs hold against each other. A tab that dies lets go of its locks, which is how the others notice.
// Browsers have them only where the page is trusted (HTTPS or this machine).

/** @typedef {() => void} Release  May be called more than once. */

/**
 * @typedef {object} Locks
 * @property {boolean} available  Where they are not, every lock is granted to everybody.
 * @property {(name: string) => Promise<Release | null>} tryLock  `null`: another holds it or was there first.
 * @property {(name: string, signal: AbortSignal) => Promise<Release | null>} awaitLock  `null`: the signal came first.
 * @property {(name: string) => Promise<boolean>} held  By anybody.
 */

/** @type {Locks} */
export const locks = {
  available: typeof navigator !== "undefined" && "locks" in navigator,
  tryLock: (name) => request(name, { ifAvailable: true }),
  awaitLock: (name, signal) => request(name, { signal }),
  held: async (name) => {
    if (!locks.available) return false;
    const { held = [] } = await navigator.locks.query();
    return held.some((lock) => lock.name === name);
  },
};

/**
 * @param {string} name
 * @param {LockOptions} options
 * @returns {Promise<Release | null>}
 */
function request(name, options) {
  if (!locks.available) return Promise.resolve(() => {});
  return new Promise((resolve, reject) => {
    const hold = (/** @type {Lock | null} */ lock) => {
      if (lock === null) return resolve(null);
      return new Promise((release) => resolve(() => release(undefined)));
    };
    navigator.locks.request(name, options, hold).catch((error) => {
      if (options.signal?.aborted) return resolve(null);
      if (!isRefused(error)) return reject(error);
      locks.available = false;
      resolve(options.ifAvailable ? null : () => {});
    });
  });
}

/** @param {unknown} error  Where a browser blocks storage there are locks, but none is given. */
function isRefused(error) {
  return error instanceof DOMException && error.name === "SecurityError";
}

// Known before the first lock is wanted: who waits for an owner's lock must not take a refusal for its end.
if (locks.available) locks.held("").catch((error) => (locks.available &&= !isRefused(error)));
