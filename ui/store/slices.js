// Long work in slices that leave the page its frames.

// Half a frame at 60 Hz.
const SLICE_MS = 8;

/**
 * Give a function to be awaited between pieces of work: it waits a turn once a slice is used up.
 *
 * @returns {() => Promise<void> | undefined}
 */
export function slices() {
  let from = performance.now();
  return () => {
    if (performance.now() - from < SLICE_MS) return undefined;
    return new Promise((resolve) => {
      setTimeout(() => {
        from = performance.now();
        resolve();
      });
    });
  };
}
