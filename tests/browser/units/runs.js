// Runs as the tests of ui/stream/run.js start them: with answers that are made up, and a clock that they move.

import { startRun } from "/ui/app/stream/run.js";
import { assertEqual } from "./harness.js";
import { chunk, event } from "./streams.js";

/** @typedef {import("/ui/app/types.js").Delta} Delta */
/** @typedef {import("/ui/app/types.js").Outcome} Outcome */
/** @typedef {import("/ui/app/stream/run.js").RunRequest} RunRequest */

export const DONE = "data: [DONE]\n\n";
const HEADERS = {
  "content-type": "text/event-stream",
  "x-request-id": "req_1",
  "x-llms-provider": "p",
  "x-llms-model": "m",
};

/**
 * @param {ConstructorParameters<typeof Response>[0]} body
 * @param {Record<string, string>} [headers]
 */
export const streamed = (body, headers = HEADERS) => new Response(body, { headers });

/** @param {string} text */
export const says = (text) => event(chunk({ content: text }));
export const STOP = event(chunk({}, "stop"));

/** A clock that stands still until it is moved, and counts what was left running. */
function fakeTime() {
  let time = 1_000_000;
  let made = 0;
  /** @type {Map<number, {at: number, fn: () => void}>} */
  const waiting = new Map();
  return {
    now: () => time,
    pending: () => waiting.size,
    made: () => made,
    timers: {
      /** @type {import("/ui/app/stream/life_clock.js").Timers["setTimeout"]} */
      setTimeout(fn, ms) {
        made += 1;
        waiting.set(made, { at: time + ms, fn });
        return made;
      },
      clearTimeout: (/** @type {number} */ timer) => void waiting.delete(timer),
    },
    /** @param {number} ms  To go by, timer after timer. */
    async pass(ms) {
      const end = time + ms;
      for (;;) {
        const [next] = [...waiting].sort(([, one], [, other]) => one.at - other.at);
        if (next === undefined || next[1].at > end) break;
        waiting.delete(next[0]);
        time = Math.max(time, next[1].at);
        next[1].fn();
        await settled();
      }
      time = end;
      await settled();
    },
    /** @param {number} ms  To be lost, as while a machine sleeps: what is due is called late. */
    jump(ms) {
      time += ms;
    },
  };
}

/** Let everything happen that waits for nothing but its turn. */
export async function settled() {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Start a run and note what it tells.
 *
 * @param {(url: string, init: RequestInit) => Response | Promise<Response>} answer
 * @param {Partial<RunRequest> & {onDelta?: (delta: Delta) => void, onState?: (status: string) => void,
 *   onEnd?: (outcome: Outcome) => void}} [options]
 */
export function start(answer, { onDelta, onState, onEnd, ...more } = {}) {
  const time = fakeTime();
  /** @type {{states: string[], deltas: Delta[], ends: Outcome[], sent: {url: string, init: RequestInit}[]}} */
  const told = { states: [], deltas: [], ends: [], sent: [] };
  const request = {
    body: { model: "m", messages: [], stream: true },
    lifeTimeoutMs: 30_000,
    now: time.now,
    timers: time.timers,
    /** @type {typeof fetch} */
    fetch: async (url, init = {}) => {
      told.sent.push({ url: String(url), init });
      return answer(String(url), init);
    },
    ...more,
  };
  const run = startRun(request, {
    onState(status) {
      told.states.push(status);
      onState?.(status);
    },
    onDelta(delta) {
      told.deltas.push(delta);
      onDelta?.(delta);
    },
    onEnd(outcome) {
      told.ends.push(outcome);
      onEnd?.(outcome);
    },
  });
  return { ...told, run, time, text: () => textOf(told.deltas) };
}

/** @param {Delta[]} deltas */
const textOf = (deltas) => deltas.map((delta) => (delta.kind === "content" ? delta.text : "")).join("");

/**
 * The end of a run, checked for what holds for all: told once, nothing left over.
 *
 * @param {ReturnType<typeof start>} started
 */
export async function endOf({ run, ends, time }) {
  const outcome = await run.done;
  assertEqual([outcome], ends);
  assertEqual(0, time.pending(), "timers left");
  return [outcome.status, outcome.failure?.code ?? ""];
}
