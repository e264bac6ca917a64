// A model that is asked to go on often says its last words once more. Plain functions that find such a repetition.

/** Shorter repetitions may well be meant. */
const LEAST = 20;

/** How far back it may begin; a limit, so that a long answer does not make every delta slow. */
const MOST = 2_000;

/**
 * Cut off what `next` repeats: its beginning, where that is exactly the end of `before`.
 *
 * @param {string} before
 * @param {string} next
 * @returns {string}
 */
export function withoutOverlap(before, next) {
  for (let length = Math.min(before.length, next.length, MOST); length >= LEAST; length -= 1) {
    if (before.endsWith(next.slice(0, length))) return next.slice(length);
  }
  return next;
}

/**
 * Whether `begun`, the beginning of what comes next, may yet grow into a (longer) repetition of the end of `before`.
 *
 * @param {string} before
 * @param {string} begun
 * @returns {boolean}
 */
export function mayOverlap(before, begun) {
  const end = before.slice(-MOST);
  for (let at = end.indexOf(begun); at >= 0; at = end.indexOf(begun, at + 1)) {
    // What stands there is longer than what has come, and long enough to count.
    if (end.length - at > begun.length && end.length - at >= LEAST) return true;
  }
  return false;
}
