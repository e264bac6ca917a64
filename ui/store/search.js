// Finding text in messages, whatever its case and accents. Without an index: reading 10,000 messages takes about a
// second, in slices that the page does not feel, and an index would cost on every checkpoint of an answer.

import { slices } from "./slices.js";

/** @typedef {import("../types.js").Thread} Thread */
/** @typedef {import("./rows.js").Rows} Rows */

/**
 * @typedef {object} Hit
 * @property {string} thread
 * @property {string} message
 * @property {string} excerpt
 */

// What is read together; a read holds up no write for longer than these take.
const BATCH = 50;
const BEFORE = 40;
const AFTER = 80;
/**
 * Give text as it is compared: without case, accents, and differences of white space.
 *
 * @param {string} text
 */
export function fold(text) {
  // Only the general combining marks: the vowel signs of Indic scripts are marks too, and are no accents.
  return text.normalize("NFD").toLowerCase().replace(/[\u0300-\u036f]+/g, "").replace(/ς/g, "σ").replace(/\s/g, " ");
}

/**
 * Find the threads in whose messages a text occurs: for each its newest such message, the newest threads first.
 *
 * @param {Rows} rows
 * @param {string} text
 * @param {{limit?: number, signal?: AbortSignal}} [options]
 * @returns {Promise<Hit[]>}
 * @throws {DOMException} The signal's reason, once it is aborted.
 */
export async function search(rows, text, { limit = 50, signal } = {}) {
  const wanted = fold(text.trim());
  if (wanted === "") return [];
  /** @type {Map<string, Hit>} */
  const hits = new Map();
  const pause = slices();
  for await (const message of newestFirst(rows, hits, signal)) {
    await pause();
    signal?.throwIfAborted();
    const { id, thread, content } = message;
    const found = hits.has(thread) ? -1 : fold(content).indexOf(wanted);
    if (found !== -1) hits.set(thread, { thread, message: id, excerpt: excerpt(content, found, wanted.length) });
    if (hits.size === limit) break;
  }
  return [...hits.values()];
}

/**
 * Give all messages, the newest threads first and of each its newest message first.
 *
 * @param {Rows} rows
 * @param {ReadonlyMap<string, unknown>} known Threads that need not be read any further.
 * @param {AbortSignal} [signal]
 */
async function* newestFirst(rows, known, signal) {
  /** @type {Thread[]} */
  const threads = await rows.all("threads");
  const wanted = threads.filter((row) => row.deleted === null).sort((one, other) => other.updated - one.updated);
  for (const some of batches(wanted.map((row) => row.id))) {
    const ids = await rows.idsOf(some);
    const all = some.flatMap((thread, index) => ids[index].reverse().map((id) => ({ thread, id })));
    for (const batch of batches(all)) {
      signal?.throwIfAborted();
      yield* await rows.messages(batch.filter(({ thread }) => !known.has(thread)).map(({ id }) => id));
    }
  }
}

/**
 * @template T
 * @param {T[]} all
 */
function* batches(all) {
  for (let at = 0; at < all.length; at += BATCH) yield all.slice(at, at + BATCH);
}

/**
 * Give the words around a hit, on one line.
 *
 * @param {string} text
 * @param {number} found Where it is in the folded text.
 * @param {number} length How long it is there.
 */
function excerpt(text, found, length) {
  const from = Math.max(0, unfolded(text, found) - BEFORE);
  const to = Math.min(text.length, unfolded(text, found + length) + AFTER);
  // Not from the middle of a word, where there are words; never from the middle of a character.
  const before = from === 0 ? "" : "…";
  const after = to === text.length ? "" : "…";
  const inner = text.slice(from, to).replace(/\s+/g, " ");
  const head = from === 0 ? inner : inner.replace(/^(\S{0,15} |[\udc00-\udfff])/, "");
  return (before + (to === text.length ? head : head.replace(/( \S{0,15}|[\ud800-\udbff])$/, "")) + after).trim();
}

/**
 * Find a place of the folded text in the text itself: folding makes some characters shorter and some longer.
 *
 * @param {string} text
 * @param {number} place
 */
function unfolded(text, place) {
  let at = 0;
  let folded = 0;
  for (const step of [1000, 1]) {
    while (at < text.length) {
      const length = fold(text.slice(at, at + step)).length;
      if (folded + length > place) break;
      at += step;
      folded += length;
    }
  }
  return Math.min(at, text.length);
}
