// Ends an answer that gives no sign of life for too long.

/**
 * @typedef {object} Timers
 * @property {(fn: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 */

// A timer that comes this much too late was held up with the whole page, by a sleeping machine or a frozen tab. What
// came meanwhile is still to be read then, and is given a moment.
const LATE_MS = 2_000;
const MOMENT_MS = 1_000;

/**
 * Make a clock. It stands still until its first sign of life.
 *
 * @param {number} ms  The longest time without one.
 * @param {() => void} expire  Called once at most.
 * @param {{timers: Timers, now: () => number}} time
 * @returns {{alive: (extraMs?: number) => void, stop: () => void}}
 */
export function createLifeClock(ms, expire, { timers, now }) {
  /** @type {any} */
  let timer = null;
  let stopped = false;

  /** @param {number} waitMs @param {() => void} then */
  function wait(waitMs, then) {
    if (timer !== null) timers.clearTimeout(timer);
    timer = stopped ? null : timers.setTimeout(then, waitMs);
  }

  return {
    alive(extraMs = 0) {
      const dueAt = now() + ms + extraMs;
      wait(ms + extraMs, () => {
        timer = null;
        if (now() - dueAt > LATE_MS) wait(MOMENT_MS, expire);
        else expire();
      });
    },
    stop() {
      stopped = true;
      wait(0, expire);
    },
  };
}
