// Writes that nobody has to wait for, and reads that are not older than them. What cannot be stored now is tried again
// until it can; meanwhile the store goes on showing it and tells by `onProblem` what is the matter.

/** @typedef {import("../store/store.js").Store} Store */
/** @typedef {import("../store/store.js").Together} Together */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Thread} Thread */

/**
 * @param {Store} store
 * @param {{retryMs: number, onKept: () => void, onUnread: (error: unknown) => void}} options  `onKept`: what could not
 *   be stored is; `onUnread`: something could not be read.
 */
export function createKeeper(store, { retryMs, onKept, onUnread }) {
  /** @type {Map<string, Thread>} */
  const threads = new Map();
  /** @type {Map<string, Message>} */
  const messages = new Map();
  let writes = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let closed = false;

  /**
   * @param {Together} rows
   * @returns {Promise<boolean>} Whether they are stored.
   */
  async function put(rows) {
    writes += 1;
    const waited = threads.size + messages.size > 0;
    // From now on these are the newest: an older one that waits must not be written over them.
    for (const row of rows.threads ?? []) threads.delete(row.id);
    for (const row of rows.messages ?? []) messages.delete(row.id);
    try {
      await store.put(rows);
      if (waited && threads.size + messages.size === 0) onKept();
      return true;
    } catch {
      for (const row of rows.threads ?? []) if (!threads.has(row.id)) threads.set(row.id, row);
      for (const row of rows.messages ?? []) if (!messages.has(row.id)) messages.set(row.id, row);
      if (!closed) timer ??= setTimeout(retry, retryMs);
      return false;
    }
  }

  function retry() {
    timer = undefined;
    if (threads.size + messages.size > 0) put({ threads: [...threads.values()], messages: [...messages.values()] });
  }

  return {
    put,

    /**
     * @template T
     * @param {() => Promise<T>} reading
     * @param {T} otherwise  For where it cannot be read.
     * @returns {Promise<T>} With whatever was written while it was read.
     */
    async read(reading, otherwise) {
      try {
        for (;;) {
          const before = writes;
          const found = await reading();
          if (before === writes) return found;
        }
      } catch (error) {
        onUnread(error);
        return otherwise;
      }
    },

    /** @param {string | null} thread  It is gone: nothing of it is to be written any more. `null`: every one is. */
    forget(thread) {
      for (const { id } of [...threads.values()]) if (thread === null || id === thread) threads.delete(id);
      for (const row of [...messages.values()]) if (thread === null || row.thread === thread) messages.delete(row.id);
    },

    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** @typedef {ReturnType<typeof createKeeper>} Keeper */
