// One request and its answer: connecting → waiting → streaming → the end, which is told once, whatever happens.
//
// Decisions. A run is stopped only by `stop`: every other end of the connection, also the one that closing the page
// brings, is a loss. The life clock starts when a request for a stream goes out. One for an answer that is not streamed
// gets no sign of life until the whole answer is there, however long that takes; the gateway's own clocks bound it, so
// the life clock starts with its headers.

import { readAnswer } from "./answer.js";
import { messageOf, networkFailure, newFailure } from "./failures.js";
import { createLifeClock } from "./life_clock.js";
import { createTeller, outcomeOf } from "./teller.js";

/** @typedef {import("../types.js").Failure} Failure */
/** @typedef {import("../types.js").Outcome} Outcome */
/** @typedef {import("./answer.js").Sink} Sink */
/** @typedef {import("./teller.js").Callbacks} Callbacks */
/** @typedef {import("./teller.js").Teller} Teller */

/**
 * @typedef {object} RunRequest
 * @property {object | (() => Promise<object>)} body
 * @property {number} lifeTimeoutMs  The longest time without a sign of life; every byte is one.
 * @property {string} [url]
 * @property {typeof globalThis.fetch} [fetch]
 * @property {() => number} [now]
 * @property {import("./life_clock.js").Timers} [timers]
 */

/**
 * @typedef {object} Run
 * @property {() => void} stop  End it now: no delta comes after this. Harmless at any time.
 * @property {Promise<Outcome>} done  Never rejects.
 */

const NAMES = Object.freeze(/** @type {const} */ (["onState", "onDelta", "onEnd"]));

// An upload gives no sign of life either: what goes beyond a megabyte is given the time that 1 Mbit/s takes.
const FREE_CHARS = 1 << 20;
const CHARS_PER_MS = 125;

/**
 * Send a request and read its answer. No callback is called before this has returned.
 *
 * @param {RunRequest} request
 * @param {Callbacks} callbacks
 * @returns {Run}
 */
export function startRun(request, callbacks) {
  const abort = new AbortController();
  const teller = createTeller(callbacks);
  /** @type {(outcome: Outcome) => void} */
  let end = () => {};
  /** @type {Promise<Outcome>} */
  const cutShort = new Promise((resolve) => {
    end = resolve;
  });
  /** @param {Outcome} outcome */
  const leave = (outcome) => {
    teller.close();
    clock.stop();
    abort.abort();
    end(outcome);
  };
  const { now = Date.now, timers = globalThis } = request;
  const silence = () => newFailure("STREAM_TIMEOUT", { requestId: teller.requestId() });
  const expire = () => leave(outcomeOf(teller.finished() ? null : silence()));
  const clock = createLifeClock(request.lifeTimeoutMs, expire, { timers, now });
  const sink = { deliver: teller.deliver, finished: teller.finished, alive: clock.alive, now, signal: abort.signal };

  async function run() {
    await null;
    const answered = converse(request, sink, teller).then(outcomeOf);
    const outcome = await Promise.race([cutShort, answered]);
    leave(outcome);
    return teller.end(outcome);
  }

  const missing = NAMES.filter((name) => typeof callbacks?.[name] !== "function");
  const done = missing.length === 0 ? run() : refuse(callbacks, missing);
  return { stop: () => leave({ status: "stopped", failure: null }), done };
}

/**
 * @param {RunRequest} request
 * @param {Sink & {alive: (extraMs?: number) => void}} sink
 * @param {Teller} teller
 * @returns {Promise<Failure | null>} `null` where the answer is complete.
 */
async function converse(request, sink, teller) {
  if (sink.signal.aborted) return null;
  teller.state("connecting");
  const { url = "/v1/chat/completions", fetch: send = fetch } = request;
  let init;
  try {
    const body = await (typeof request.body === "function" ? request.body() : request.body);
    init = initOf(body, sink.signal);
    if (Reflect.get(body, "stream") === true) {
      sink.alive(Math.max(0, init.body.length - FREE_CHARS) / CHARS_PER_MS);
    }
  } catch (error) {
    return newFailure("CALLBACK_ERROR", { type: "request", detail: messageOf(error) });
  }
  if (sink.signal.aborted) return null;
  try {
    const response = await send(url, init);
    sink.alive();
    teller.state("waiting");
    return await readAnswer(response, sink);
  } catch (error) {
    return networkFailure(error);
  }
}

/**
 * @param {object} body
 * @param {AbortSignal} signal
 */
function initOf(body, signal) {
  return {
    method: "POST",
    headers: new Headers({ "Content-Type": "application/json" }),
    body: JSON.stringify(body),
    cache: /** @type {const} */ ("no-store"),
    signal,
  };
}

/**
 * End a run that nothing was sent for.
 *
 * @param {Partial<Callbacks> | undefined} callbacks
 * @param {string[]} missing
 */
async function refuse(callbacks, missing) {
  await null;
  const outcome = outcomeOf(newFailure("INVALID_CALLBACK", { detail: missing.join(", ") }));
  try {
    callbacks?.onEnd?.(outcome);
  } catch {
    // Either it is what is missing, or the outcome says already that the callbacks are wrong.
  }
  return outcome;
}
