// An answer while it comes: the message as far as it is, and whoever wants to see it grow.

import { estimateTokens } from "../stream/speed.js";
import { signal } from "../vendor/core.js";
import { copyOf, grow } from "./message_rows.js";

/** @typedef {import("../types.js").Delta} Delta */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Status} Status */
/** @template T @typedef {import("../vendor/core.js").Signal<T>} Signal */

/**
 * @typedef {object} Live
 * @property {string} id  The message's.
 * @property {Message} message  As far as it is. It grows; `messages` gets the row when it has ended.
 * @property {boolean} mine  Whether this tab asked for it; otherwise another did and this one looks on.
 * @property {Signal<Status>} status
 * @property {number} startedAt  When this answer, or this continuation of it, was asked for.
 * @property {number | null} firstAt
 * @property {Signal<number>} tokens  About how many have come in this run. It changes with every piece: look at it on a
 *   clock.
 * @property {(subscriber: (delta: Delta) => void) => () => void} subscribe  From now on; what came before is in `message`.
 */

/**
 * @typedef {object} LiveHandle
 * @property {Live} live
 * @property {(delta: Delta) => void} grow  Take a piece in.
 * @property {(delta: Delta) => void} tell  Pass it on; throws what a subscriber has thrown, once all were called.
 * @property {(status: Status) => void} setStatus
 */

/**
 * @param {Message} message
 * @param {{mine: boolean, startedAt: number, firstAt?: number | null, tokens?: number, now: () => number}} options
 * @returns {LiveHandle}
 */
export function createLive(message, { mine, startedAt, firstAt = null, tokens: soFar = 0, now }) {
  /** @type {Set<(delta: Delta) => void>} */
  const subscribers = new Set();
  const grown = copyOf(message);
  const tokens = countTokens(soFar);
  const think = timeReasoning(grown, now);

  /** @type {Live} */
  const live = {
    id: message.id,
    message: grown,
    mine,
    status: signal(message.status),
    startedAt,
    firstAt,
    tokens: tokens.shown,
    subscribe(subscriber) {
      subscribers.add(subscriber);
      return () => subscribers.delete(subscriber);
    },
  };

  return {
    live,
    grow(delta) {
      grow(grown, delta);
      think(delta);
      if (tokens.count(delta)) live.firstAt ??= now();
    },
    tell: (delta) => tellAll(subscribers, delta),
    setStatus(status) {
      grown.status = status;
      live.status.value = status;
    },
  };
}

/**
 * @param {Set<(delta: Delta) => void>} subscribers
 * @param {Delta} delta
 */
function tellAll(subscribers, delta) {
  /** @type {{error: unknown} | null} */
  let thrown = null;
  // A copy: who comes while they are told has read a message that holds this delta already.
  for (const subscriber of [...subscribers]) {
    try {
      subscriber(delta);
    } catch (error) {
      thrown ??= { error };
    }
  }
  if (thrown) throw thrown.error;
}

/** @param {number} soFar */
function countTokens(soFar) {
  const shown = signal(soFar);
  let tokens = soFar;
  return {
    shown,
    /**
     * @param {Delta} delta
     * @returns {boolean} Whether there are any in it.
     */
    count(delta) {
      const more = estimateTokens(delta);
      tokens += more;
      shown.value = Math.round(tokens);
      return more > 0;
    },
  };
}

/**
 * Keep the time from the first reasoning to the first content; that of a continuation comes on top.
 *
 * @param {Message} message
 * @param {() => number} now
 */
function timeReasoning(message, now) {
  const before = message.reasoningMs;
  /** @type {number | null} */
  let from = null;
  let answering = false;
  return (/** @type {Delta} */ delta) => {
    if (answering || (delta.kind !== "reasoning" && delta.kind !== "content")) return;
    if (delta.kind === "content") answering = true;
    else from ??= now();
    if (from !== null) message.reasoningMs = before + Math.max(0, now() - from);
  };
}
