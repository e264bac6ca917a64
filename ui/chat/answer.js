// One run of one answer, by the tab that owns it: takes in what comes, shows it, passes it on to the other tabs, stores
// it once a second, and ends it whichever way it goes, with every word that came.

import { keyWanted } from "../session.js";
import { createCheckpoint } from "../store/checkpoint.js";
import { forgetLastWords, leaveLastWords } from "../store/last_words.js";
import { newId } from "../ids.js";
import { createContinuation } from "./continuation.js";
import { createLive } from "./live.js";
import { copyOf, ended, timingOf } from "./message_rows.js";
import { createRelay } from "./relay.js";

/** @typedef {import("../tabs/channel.js").TabMessage} TabMessage */
/** @typedef {import("../types.js").Delta} Delta */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Outcome} Outcome */

/**
 * @typedef {object} Answer
 * @property {import("./live.js").Live} live
 * @property {Promise<void>} finished  The row is stored as well as can be, the lock is free.
 * @property {(message: TabMessage) => void} receive
 * @property {() => void} stop  The person wants no more of it.
 * @property {() => Promise<void>} abandon  The page is closed: store what there is, unended, and let go of the lock.
 */

/**
 * A store that hangs must not hold up what comes next; what is to be written waits there.
 *
 * @param {number} ms
 * @param {Promise<unknown>} writing
 */
async function within(ms, writing) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  await Promise.race([writing, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

/**
 * @param {import("./parts.js").Parts} parts
 * @param {object} options
 * @param {Message} options.message  Its row; what it holds already is continued.
 * @param {import("../stream/run.js").RunRequest} options.request
 * @param {import("../tabs/lock.js").Release} options.release
 * @param {(row: Message) => void} options.onEnded  Called at once; storing comes after.
 * @returns {Answer}
 */
export function startAnswer(parts, { message, request, release, onEnded }) {
  const { keeper, channel, pace, now, priceOf } = parts;
  const startedAt = now();
  const handle = createLive(message, { mine: true, startedAt, now });
  const { live } = handle;
  const relay = createRelay({ channel, run: newId(), live, beatMs: pace.beatMs, now });
  const continuation = createContinuation(message);
  const checkpoint = createCheckpoint(store, pace.saveMs);
  /** @type {() => void} */
  let finish;
  /** @type {Promise<void>} */
  const finished = new Promise((resolve) => {
    finish = resolve;
  });
  let over = false;

  /** @returns {Message} */
  function row() {
    return { ...copyOf(live.message), timing: timingOf(message.timing, startedAt, live.firstAt, now()) };
  }

  async function store() {
    if (!(await keeper.put({ messages: [row()] }))) throw new Error("not stored");
  }

  /** @param {Delta[]} deltas */
  function deliver(deltas) {
    for (const delta of deltas) {
      handle.grow(delta);
      relay.step({ delta });
    }
    // Not for what comes with the head of the answer: the first words would have to wait for the next turn.
    if (deltas.some(({ kind }) => kind !== "served")) checkpoint.touch();
    // Last, as it may throw: then it is all in the message, and the run reports it.
    for (const delta of deltas) handle.tell(delta);
  }

  /** @param {Outcome} outcome */
  async function end(outcome) {
    if (over) return;
    over = true;
    for (const delta of continuation.rest()) handle.grow(delta);
    const final = ended(row(), outcome, priceOf(message.model));
    close();
    if (outcome.failure?.code === "HTTP_401") keyWanted.value = true;
    onEnded(final);
    await within(pace.storeMs, keeper.put({ messages: [final] }));
    forgetLastWords(final.id); // A tab that had it before may have left some.
    relay.end(final);
    release();
    finish();
  }

  function close() {
    checkpoint.close();
    relay.close();
  }

  const run = parts.startRun(request, {
    onState(status) {
      handle.setStatus(status);
      relay.step({ status });
    },
    onDelta: (delta) => deliver(continuation.take(delta)),
    onEnd: (outcome) => void end(outcome),
  });

  return {
    live,
    finished,
    receive: relay.receive,
    stop: () => run.stop(),
    async abandon() {
      if (over) return;
      over = true;
      close();
      leaveLastWords(row());
      const stored = keeper.put({ messages: [row()] });
      run.stop();
      await stored;
      release();
      finish();
    },
  };
}
