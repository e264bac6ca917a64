// Starts a run. What runs it is loaded with the first one, as no page needs it to be shown.

/** @typedef {import("./run.js").Run} Run */

/**
 * As `startRun` of `run.js`; a failure to load it ends the run as one of the network.
 *
 * @type {typeof import("./run.js").startRun}
 */
export function startRun(request, callbacks) {
  /** @type {Run | null} */
  let run = null;
  let stopped = false;
  const done = import("./run.js").then(
    (loaded) => {
      run = loaded.startRun(request, callbacks);
      if (stopped) run.stop();
      return run.done;
    },
    (error) => {
      const failure = { code: "NETWORK_ERROR", detail: String(error), type: "", retryAt: null, raw: "", requestId: "" };
      /** @type {import("../types.js").Outcome} */
      const outcome = stopped ? { status: "stopped", failure: null } : { status: "failed", failure };
      callbacks.onEnd(outcome);
      return outcome;
    },
  );
  return {
    done,
    stop() {
      stopped = true;
      run?.stop();
    },
  };
}
