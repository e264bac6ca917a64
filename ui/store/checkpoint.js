// Saving something that grows: now and then while it grows, at once when the page is left, and at its end.

/**
 * @typedef {object} Checkpoint
 * @property {() => void} touch  It has grown: save it, at most once in the given time.
 * @property {() => Promise<void>} flush  Save it now unless it is saved; settles when it is, or when that failed.
 * @property {() => void} close  Release everything; saves nothing.
 */

/**
 * @typedef {object} Clock
 * @property {() => number} now
 * @property {(fn: () => void, ms: number) => number} setTimeout
 * @property {(timer: number) => void} clearTimeout
 */

/**
 * @typedef {object} CheckpointOptions
 * @property {(error: unknown) => void} [onError]  Called for the first save that fails, and again only after one has
 *   succeeded. A failed save is tried again with the next touch or flush.
 * @property {Clock} [clock]
 * @property {{window: EventTarget, document: EventTarget & {visibilityState: string}}} [page]
 */

/** @type {Clock} */
const CLOCK = {
  now: () => performance.now(),
  setTimeout: (fn, ms) => window.setTimeout(fn, ms),
  clearTimeout: (timer) => window.clearTimeout(timer),
};

/**
 * @param {() => Promise<void>} save  Begins before it returns: a page that is left gets no second turn. Never called
 *   while an earlier call is under way.
 * @param {number} [everyMs]
 * @param {CheckpointOptions} [options]
 * @returns {Checkpoint}
 */
export function createCheckpoint(save, everyMs = 1000, options = {}) {
  const { onError = () => {}, clock = CLOCK, page = { window, document } } = options;
  let touched = 0;
  let saved = 0;
  let begun = -Infinity;
  let failing = false;
  let closed = false;
  /** @type {Promise<void> | null} */
  let running = null;
  /** @type {number | null} */
  let timer = null;

  const cancel = () => {
    if (timer !== null) clock.clearTimeout(timer);
    timer = null;
  };

  const schedule = () => {
    if (closed || timer !== null || running !== null) return;
    timer = clock.setTimeout(start, Math.max(0, begun + everyMs - clock.now()));
  };

  const start = () => {
    cancel();
    begun = clock.now();
    const upTo = touched;
    running = saving(upTo).finally(() => {
      running = null;
      if (touched > upTo) schedule();
    });
    return running;
  };

  /** @param {number} upTo */
  const saving = async (upTo) => {
    try {
      await save();
      saved = upTo;
      failing = false;
    } catch (error) {
      if (!failing) onError(error);
      failing = true;
    }
  };

  const flush = async () => {
    while (running !== null) await running;
    if (saved < touched) await start();
  };

  const leave = () => void flush();
  const hide = () => {
    if (page.document.visibilityState === "hidden") leave();
  };
  page.window.addEventListener("pagehide", leave);
  page.document.addEventListener("visibilitychange", hide);

  return {
    touch() {
      touched += 1;
      schedule();
    },
    flush,
    close() {
      closed = true;
      cancel();
      page.window.removeEventListener("pagehide", leave);
      page.document.removeEventListener("visibilitychange", hide);
    },
  };
}
