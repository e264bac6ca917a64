// Tells those who started a run how it goes. A callback that throws loses nothing.

import { messageOf, newFailure } from "./failures.js";

/** @typedef {import("../types.js").Delta} Delta */
/** @typedef {import("../types.js").Failure} Failure */
/** @typedef {import("../types.js").Outcome} Outcome */
/** @typedef {import("../types.js").Status} Status */

/**
 * @typedef {object} Callbacks
 * @property {(status: Status) => void} onState  `connecting`, `waiting`, `streaming`; the end is for `onEnd`.
 * @property {(delta: Delta) => void} onDelta
 * @property {(outcome: Outcome) => void} onEnd  Called once.
 */

/**
 * @typedef {object} Teller
 * @property {(status: Status) => void} state
 * @property {(delta: Delta) => void} deliver
 * @property {() => boolean} finished  Whether a `finish` has come.
 * @property {() => string} requestId  Empty while it is not known.
 * @property {() => void} close  Nothing but the end is told after this.
 * @property {(outcome: Outcome) => Outcome} end  Tell the end; gives it with what the callbacks made of it.
 */

/**
 * Calls the callbacks. One that throws loses nothing: the next one is called all the same, and the end tells of it.
 *
 * @param {Callbacks} callbacks
 * @returns {Teller}
 */
export function createTeller(callbacks) {
  let open = true;
  let streaming = false;
  let finished = false;
  let requestId = "";
  /** @type {Failure | null} */
  let thrown = null;

  /** @param {() => void} call */
  function guarded(call) {
    try {
      call();
    } catch (error) {
      thrown ??= newFailure("CALLBACK_ERROR", { detail: messageOf(error) });
    }
  }

  /** @type {Teller["state"]} */
  function state(status) {
    if (open) guarded(() => callbacks.onState(status));
  }

  /** @param {Outcome} outcome */
  const reported = (outcome) => (outcome.status === "failed" || thrown === null ? outcome : outcomeOf(thrown));

  return {
    state,
    finished: () => finished,
    requestId: () => requestId,
    close() {
      open = false;
    },
    deliver(delta) {
      finished ||= delta.kind === "finish";
      if (delta.kind === "served") requestId = delta.servedBy.requestId;
      else if (!streaming) {
        streaming = true;
        state("streaming");
      }
      if (open) guarded(() => callbacks.onDelta(delta)); // `onState` may have stopped the run.
    },
    end(outcome) {
      const told = reported(outcome);
      guarded(() => callbacks.onEnd(told));
      return reported(told);
    },
  };
}

/**
 * @param {Failure | null} failure
 * @returns {Outcome}
 */
export function outcomeOf(failure) {
  return failure === null ? { status: "done", failure: null } : { status: "failed", failure };
}
