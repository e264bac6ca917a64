// In which threads an answer is coming, in this tab or in another.

import { signal } from "../vendor/core.js";

/**
 * @param {{goneMs: number, stillThere: (thread: string) => Promise<boolean>, onGone: (thread: string) => void}} options
 *   An owner that was not heard for `goneMs` is gone, unless it is `stillThere`.
 */
export function createPresence({ goneMs, stillThere, onGone }) {
  /** @type {import("../vendor/core.js").Signal<ReadonlySet<string>>} */
  const liveThreads = signal(new Set());
  /** @type {Set<string>} */
  const mine = new Set();
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  const others = new Map();

  function show() {
    const threads = new Set([...mine, ...others.keys()]);
    const shown = liveThreads.peek();
    if (threads.size !== shown.size || [...threads].some((thread) => !shown.has(thread))) liveThreads.value = threads;
  }

  /** @param {string} thread */
  async function silent(thread) {
    const timer = others.get(thread);
    const there = await stillThere(thread);
    if (others.get(thread) !== timer) return; // It was heard meanwhile, or it ended.
    if (there) return heard(thread);
    ended(thread);
    onGone(thread);
  }

  /** @param {string} thread */
  function heard(thread) {
    clearTimeout(others.get(thread));
    others.set(thread, setTimeout(silent, goneMs, thread));
    show();
  }

  /** @param {string} thread */
  function ended(thread) {
    clearTimeout(others.get(thread));
    others.delete(thread);
    show();
  }

  return {
    liveThreads,
    heard,
    ended,
    /**
     * @param {string} thread
     * @param {boolean} live
     */
    here(thread, live) {
      if (live) mine.add(thread);
      else mine.delete(thread);
      show();
    },
    close() {
      for (const timer of others.values()) clearTimeout(timer);
      others.clear();
    },
  };
}

/** @typedef {ReturnType<typeof createPresence>} Presence */
