// Follows the calls as they end: a stream of events that is asked for anew when it breaks off, from where it was.
//
// Not `EventSource`: it says nothing of the status it was refused with, and so cannot ask for a key.

import { signal } from "../vendor/core.js";
import { withQuery } from "../admin/query.js";
import { keyWanted, Refusal } from "../session.js";
import { readEvents } from "../stream/sse.js";

/** @typedef {import("../admin/shapes.js").Call} Call */
/** @typedef {"connecting" | "live" | "lost" | "ended"} TailState */

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** The gateway says every 15 seconds that it is there. */
const SILENCE_MS = 45_000;

/**
 * @param {Record<string, string | null>} wanted
 * @param {(calls: Call[]) => void} take
 * @param {{fetch?: typeof globalThis.fetch, firstPauseMs?: number}} [options]
 */
export function followCalls(wanted, take, { fetch: send = fetch, firstPauseMs = FIRST_PAUSE_MS } = {}) {
  const state = signal(/** @type {TailState} */ ("connecting"));
  const problem = signal(/** @type {unknown} */ (null));
  const left = new AbortController();
  let last = "";
  let pauseMs = firstPauseMs;

  async function follow() {
    while (!left.signal.aborted) {
      try {
        await connect();
      } catch (error) {
        if (left.signal.aborted) return;
        // What is refused for a reason will be so again; only what is busy, or gone, may come back.
        if (error instanceof Refusal && error.status < 500 && error.status !== 429) return give(error);
      }
      if (left.signal.aborted) return;
      state.value = "lost";
      await pause(pauseMs, left.signal);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** @param {Refusal} error */
  function give(error) {
    problem.value = error;
    state.value = "ended";
    if (error.status === 401) keyWanted.value = true;
  }

  async function connect() {
    const own = new AbortController();
    const signals = AbortSignal.any([left.signal, own.signal]);
    const headers = new Headers(last === "" ? {} : { "Last-Event-ID": last });
    const response = await send(withQuery("/admin/v1/calls/tail", wanted), { headers, signal: signals, cache: "no-store" });
    if (!response.ok) throw new Refusal(response.status, await response.json().catch(() => null));
    let timer = setTimeout(() => own.abort(), SILENCE_MS);
    state.value = "live";
    pauseMs = firstPauseMs;
    try {
      await readEvents(response.body, {
        signal: signals,
        onBytes() {
          clearTimeout(timer);
          timer = setTimeout(() => own.abort(), SILENCE_MS);
        },
        onEvent({ data, id }) {
          take([JSON.parse(data)]);
          if (id !== undefined) last = id;
        },
      });
    } finally {
      clearTimeout(timer);
    }
  }

  void follow();
  return { state, problem, close: () => left.abort() };
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal  Cuts it short.
 */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}
