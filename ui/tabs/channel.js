// What the tabs of one browser tell each other.

import { newId } from "../ids.js";

/** @typedef {import("../types.js").Delta} Delta */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Status} Status */

/**
 * What one tab says to all others. `thread` says whom it concerns; `to` and `from` name tabs.
 *
 * - `changed`: rows have changed in the store; without threads: anything may have.
 * - `who`: a tab has opened; owners answer with `live`.
 * - `live`: this run's answer is coming, said every other second by its owner.
 * - `ask`, `snapshot`: a tab wants to follow, and how far the answer is.
 * - `step`: one more piece of the answer, or its new status. Steps count from 1.
 * - `ended`: the answer has ended; its row is in the store, if the store takes rows.
 * - `stop`: whoever owns the answer shall stop it.
 *
 * @typedef {{type: "changed", threads: string[] | null}
 *   | {type: "who"}
 *   | {type: "live", thread: string, run: string}
 *   | {type: "ask", thread: string, from: string}
 *   | {type: "snapshot", thread: string, to: string, run: string, seq: number, message: Message, status: Status,
 *      startedAt: number, firstAt: number | null, tokens: number}
 *   | {type: "step", thread: string, run: string, seq: number, delta?: Delta, status?: Status}
 *   | {type: "ended", thread: string, run: string, message: Message}
 *   | {type: "stop", thread: string}} TabMessage
 */

/**
 * @typedef {object} Channel
 * @property {string} tab  This end's own name.
 * @property {(message: TabMessage) => void} post  To all others, not to this end.
 * @property {(listener: (message: TabMessage) => void) => () => void} onMessage  Gives what ends it.
 * @property {() => void} close
 */

/**
 * @param {string} name
 * @returns {Channel} One that reaches nobody where the browser has none.
 */
export function openChannel(name) {
  const tab = newId();
  if (typeof BroadcastChannel === "undefined") return { tab, post() {}, onMessage: () => () => {}, close() {} };
  const channel = new BroadcastChannel(name);
  let closed = false;
  return {
    tab,
    post(message) {
      if (!closed) channel.postMessage(message);
    },
    onMessage(listener) {
      /** @param {MessageEvent} event */
      const receive = (event) => listener(event.data);
      channel.addEventListener("message", receive);
      return () => channel.removeEventListener("message", receive);
    },
    close() {
      closed = true;
      channel.close();
    },
  };
}
