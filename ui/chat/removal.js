// Deleting threads: marked first, so that it can be undone, and purged when it no longer can, or at the next start.

import { t } from "../strings.js";
import { titleOf } from "./threads.js";

/** @typedef {import("../types.js").Thread} Thread */

/**
 * @param {object} parts
 * @param {import("./threads.js").Threads} parts.threads
 * @param {import("./keeper.js").Keeper} parts.keeper
 * @param {import("./notices.js").Notices} parts.notices
 * @param {import("../store/store.js").Store} parts.store
 * @param {{undoMs: number}} parts.pace
 * @param {() => number} parts.now
 */
export function createRemoval({ threads, keeper, notices, store, pace, now }) {
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  const timers = new Map();

  /** @param {string} id */
  async function purge(id) {
    timers.delete(id);
    const row = await keeper.read(() => store.thread(id), null);
    if (!row || row.deleted === null) return; // Another tab has undone it, or was faster.
    keeper.forget(id);
    try {
      await store.removeThread(id);
    } catch {
      return; // Said by the store; it stays marked, and goes at the next start.
    }
    threads.drop(id);
  }

  /**
   * @param {string} id
   * @param {number} ms
   */
  function later(id, ms) {
    clearTimeout(timers.get(id));
    timers.set(id, setTimeout(purge, ms, id));
  }

  return {
    /**
     * @param {Thread} row
     * @param {() => void} onUndone
     */
    async remove(row, onUndone) {
      const marked = threads.update(row.id, { deleted: now() });
      later(row.id, pace.undoMs);
      const undo = async () => {
        clearTimeout(timers.get(row.id));
        timers.delete(row.id);
        notices.dismiss(notice);
        await threads.update(row.id, { deleted: null });
        onUndone();
      };
      const text = t("thread.deleted", { title: titleOf(row) });
      const notice = notices.add({ text, action: { label: t("thread.undo"), run: undo } });
      await marked;
    },

    /** What was deleted before this page was opened. Another tab may still offer to undo the latest of it. */
    sweep() {
      for (const row of threads.deleted()) later(row.id, Math.max(0, (row.deleted ?? 0) + 2 * pace.undoMs - now()));
    },

    close() {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
  };
}
