// Finding threads by what they are called and by what was said in them.

import { titleOf } from "./threads.js";

/** @typedef {import("../types.js").Thread} Thread */
/** @typedef {{thread: Thread, excerpt: string}} Found  Without an excerpt where the title has it. */

/**
 * @param {{store: import("../store/store.js").Store, threads: import("./threads.js").Threads}} parts
 * @param {string} text
 * @param {AbortSignal} [signal]
 * @returns {Promise<Found[]>} Each thread once, those by title first.
 * @throws {DOMException} The signal's reason, once it is aborted.
 */
export async function searchThreads({ store, threads }, text, signal) {
  const wanted = text.trim().toLocaleLowerCase();
  if (wanted === "") return [];
  const listed = threads.listed.peek();
  const named = listed.filter((thread) => titleOf(thread).toLocaleLowerCase().includes(wanted));
  const found = new Map(named.map((thread) => [thread.id, { thread, excerpt: "" }]));
  for (const hit of await store.search(wanted, { signal })) {
    const thread = listed.find(({ id }) => id === hit.thread);
    if (thread && !found.has(hit.thread)) found.set(hit.thread, { thread, excerpt: hit.excerpt });
  }
  return [...found.values()];
}
