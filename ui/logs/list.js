// The calls that are shown: pages of older ones at the end, and at the beginning, where the page follows them, new ones.

import { batch, signal } from "../vendor/core.js";
import { ask } from "../session.js";
import { withQuery } from "../admin/query.js";

/** @typedef {import("../admin/shapes.js").Call} Call */
/** @typedef {Record<string, string | null>} Wanted */

const PAGE = 50;
/** A page may be empty although more follow: so often one goes on by itself before a person has to ask for it. */
const EMPTY_PAGES = 5;
/** What a browser can still scroll through without effort. */
export const MOST_ROWS = 2_000;
/** So many are held back while a person reads. */
const MOST_WAITING = 500;

/**
 * @param {Wanted} wanted
 * @param {(path: string, init: RequestInit) => Promise<any>} [send]
 */
export function createList(wanted, send = ask) {
  const rows = signal(/** @type {Call[]} */ ([]));
  const waiting = signal(/** @type {Call[]} */ ([]));
  const next = signal(/** @type {string | null} */ (null));
  const loading = signal(false);
  const loaded = signal(false);
  const problem = signal(/** @type {unknown} */ (null));
  const left = new AbortController();

  /** Load the next page. Never rejects. */
  async function more() {
    if (loading.peek() || (loaded.peek() && next.peek() === null)) return;
    loading.value = true;
    try {
      let found = 0;
      for (let pages = 0; pages < EMPTY_PAGES && found === 0; pages += 1) {
        const path = withQuery("/admin/v1/calls", { ...wanted, limit: String(PAGE), cursor: next.peek() });
        const answer = await send(path, { signal: left.signal });
        found = answer.data.length;
        batch(() => {
          rows.value = merged(rows.peek(), answer.data);
          next.value = answer.next;
          loaded.value = true;
          problem.value = null;
        });
        if (answer.next === null) break;
      }
    } catch (error) {
      if (!left.signal.aborted) problem.value = error;
    }
    loading.value = false;
  }

  /** Look for calls newer than those that are here. A failure is left to whoever follows them. */
  async function refresh() {
    const path = withQuery("/admin/v1/calls", { ...wanted, limit: String(PAGE) });
    const answer = await send(path, { signal: left.signal }).catch(() => null);
    if (answer !== null) rows.value = bounded(merged(rows.peek(), answer.data));
  }

  return {
    rows,
    waiting,
    next,
    loading,
    loaded,
    problem,
    more,
    refresh,
    /**
     * Take in calls that have just ended.
     *
     * @param {Call[]} calls
     * @param {boolean} held  They are not shown yet.
     */
    add(calls, held) {
      if (held) waiting.value = merged(waiting.peek(), calls).slice(0, MOST_WAITING);
      else rows.value = bounded(merged(rows.peek(), calls));
    },
    /** Show those that were held back. */
    release() {
      batch(() => {
        rows.value = bounded(merged(rows.peek(), waiting.peek()));
        waiting.value = [];
      });
    },
    close: () => left.abort(),
  };

  /** @param {Call[]} all  The oldest of too many go, and with them the way to what is older still. */
  function bounded(all) {
    if (all.length <= MOST_ROWS) return all;
    next.value = null;
    return all.slice(0, MOST_ROWS);
  }
}

/** @typedef {ReturnType<typeof createList>} List */

/**
 * @param {Call[]} some
 * @param {Call[]} others
 * @returns {Call[]} Each once, newest first: ids are in the order of time.
 */
export function merged(some, others) {
  const all = new Map([...some, ...others].map((call) => [call.id, call]));
  return [...all.values()].sort((one, other) => (one.id < other.id ? 1 : -1));
}
