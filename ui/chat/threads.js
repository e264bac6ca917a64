// The rows of the threads, as every tab sees them.

import { computed, signal } from "../vendor/core.js";
import { newId } from "../ids.js";
import { t } from "../strings.js";

/** @typedef {import("../types.js").Thread} Thread */

/**
 * @param {Thread} thread
 * @returns {string} What a person sees as its name.
 */
export function titleOf(thread) {
  return thread.title || thread.opening || t("thread.new");
}

/**
 * @param {object} parts
 * @param {import("../store/store.js").Store} parts.store
 * @param {import("./keeper.js").Keeper} parts.keeper
 * @param {import("../tabs/channel.js").Channel} parts.channel
 * @param {() => number} parts.now
 */
export function createThreads({ store, keeper, channel, now }) {
  /** @type {import("../vendor/core.js").Signal<ReadonlyMap<string, Thread>>} */
  const rows = signal(new Map());
  /** Threads that have no row yet: nothing was said in them. @type {typeof rows} */
  const fresh = signal(new Map());

  /** @param {string} id */
  function get(id) {
    return rows.value.get(id) ?? fresh.value.get(id);
  }

  /**
   * Write a thread's row, and what goes with it.
   *
   * @param {Thread} row
   * @param {Omit<import("../store/store.js").Together, "threads">} [others]
   */
  async function put(row, others = {}) {
    rows.value = new Map(rows.peek()).set(row.id, row);
    if (fresh.peek().has(row.id)) fresh.value = without(fresh.peek(), row.id);
    await keeper.put({ threads: [row], ...others });
    channel.post({ type: "changed", threads: [row.id] });
  }

  /**
   * @param {string} id
   * @returns {Promise<[string, Thread | null]>}
   */
  const entry = async (id) => [id, await store.thread(id)];

  return {
    get,
    put,
    /** @param {string} id */
    unsaid: (id) => fresh.peek().has(id),
    listed: computed(() => [...rows.value.values()].filter((row) => row.deleted === null).sort(inOrder)),

    /** @returns {Thread[]} */
    deleted: () => [...rows.peek().values()].filter((row) => row.deleted !== null),

    /** @returns {Thread} A new one. It gets its row with its first message. */
    create() {
      const row = newThread(now());
      fresh.value = new Map(fresh.peek()).set(row.id, row);
      return row;
    },

    /**
     * @param {string} id
     * @param {Partial<Thread>} changed
     */
    async update(id, changed) {
      const row = rows.peek().get(id);
      const unsaid = fresh.peek().get(id);
      if (row) await put({ ...row, ...changed });
      else if (unsaid) fresh.value = new Map(fresh.peek()).set(id, { ...unsaid, ...changed });
    },

    async load() {
      const found = await keeper.read(() => store.threads(), [...rows.peek().values()]);
      rows.value = new Map(found.map((row) => [row.id, row]));
    },

    /** @param {string[]} ids  Rows that another tab has changed. */
    async refresh(ids) {
      const found = await keeper.read(() => Promise.all(ids.map(entry)), []);
      const known = new Map(rows.peek());
      for (const [id, row] of found) {
        if (row) known.set(id, row);
        else known.delete(id);
      }
      rows.value = known;
    },

    /** @param {string} id */
    drop(id) {
      rows.value = without(rows.peek(), id);
    },
  };
}

/** @typedef {ReturnType<typeof createThreads>} Threads */

/**
 * @param {ReadonlyMap<string, Thread>} rows
 * @param {string} id
 */
function without(rows, id) {
  const left = new Map(rows);
  left.delete(id);
  return left;
}

/**
 * @param {number} created
 * @returns {Thread}
 */
function newThread(created) {
  return {
    id: newId(),
    title: "",
    opening: "",
    pinned: false,
    created,
    updated: created,
    deleted: null,
    model: "",
    system: "",
    parameters: {},
    head: null,
  };
}

/**
 * @param {Thread} one
 * @param {Thread} other
 */
function inOrder(one, other) {
  return Number(other.pinned) - Number(one.pinned) || other.updated - one.updated || (one.id < other.id ? -1 : 1);
}
