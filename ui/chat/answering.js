// The answer that is coming in one thread: this tab's own, or another tab's that is shown here and taken over when its
// owner dies.

import { withLastWords } from "../store/last_words.js";
import { batch, signal } from "../vendor/core.js";
import { startAnswer } from "./answer.js";
import { createFollower } from "./follower.js";
import { interrupted, unfinished } from "./message_rows.js";
import { createVigil } from "./vigil.js";

/** @typedef {import("../tabs/channel.js").TabMessage} TabMessage */
/** @typedef {import("../tabs/lock.js").Release} Release */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("./live.js").Live} Live */

const OWNERS = ["live", "snapshot", "step"];

/**
 * @typedef {object} Place  What the thread gives and takes.
 * @property {import("./rows.js").Rows} rows
 * @property {(row: Message | null) => void} onEnded  No answer is coming any more; `null`: nobody knows how it ended.
 * @property {(message: Message, release: Release) => void} resume  Continue this answer as its owner.
 */

/**
 * @param {import("./parts.js").Parts} parts
 * @param {Place} place
 */
export function createAnswering(parts, { rows, onEnded, resume }) {
  const { keeper, channel, locks, pace, presence, now } = parts;
  const thread = rows.thread.peek().id;
  const lock = `llms:run:${thread}`;
  /** @type {import("../vendor/core.js").Signal<Live | null>} */
  const live = signal(null);
  /** @type {import("./answer.js").Answer | null} */
  let answer = null;
  /** @type {Promise<void>} */
  let finished = Promise.resolve();
  /** @type {ReturnType<typeof following> | null} */
  let other = null;
  let shown = false;

  function following() {
    const over = new AbortController();
    const follower = createFollower({ thread, channel, now, onLive: (found) => (live.value = found) });
    const vigil = createVigil({
      locks,
      lock,
      answerMs: pace.answerMs,
      goneMs: pace.goneMs,
      onGone: (release) => inherit(release).then((kept) => kept || release?.()),
    });
    return { follower, vigil, over };
  }

  function follow() {
    if (shown && !answer && !other) other = following();
  }

  function unfollow() {
    other?.vigil.close();
    other?.over.abort();
    other = null;
    live.value = answer?.live ?? null;
  }

  /**
   * The owner of the answer that is followed is gone.
   *
   * @param {Release | null} release
   * @returns {Promise<boolean>} Whether the lock is still needed.
   */
  async function inherit(release) {
    const from = other;
    if (!from) return false;
    // Its last words, or that it has ended, may still be on their way.
    await pause(pace.graceMs, from.over.signal);
    const stored = await rows.read();
    if (other !== from) return false;
    const seen = from.follower.live()?.message;
    const row = seen && stored.get(seen.id);
    if (row && release && unfinished(row)) {
      resume(longer(row, seen), release);
      return true;
    }
    await interrupt(stored, seen);
    return false;
  }

  /**
   * No tab is at these answers: what they have is all there will be.
   *
   * @param {ReadonlyMap<string, Message>} stored
   * @param {Message} [seen]
   */
  async function interrupt(stored, seen) {
    const left = [...stored.values()].filter(unfinished);
    const marked = left.map((row) => interrupted(seen?.id === row.id ? longer(row, seen) : withLastWords(row)));
    batch(() => {
      rows.show([...stored.values(), ...marked]);
      unfollow();
    });
    if (marked.length > 0) {
      await keeper.put({ messages: marked });
      channel.post({ type: "changed", threads: [thread] });
    }
    onEnded((seen && marked.length === 0 && stored.get(seen.id)) || null);
  }

  /** @param {Message} row */
  function end(row) {
    presence.here(thread, false);
    batch(() => {
      rows.show([row]);
      answer = null;
      unfollow();
    });
    onEnded(row);
  }

  /** @param {Extract<TabMessage, {thread: string}>} message */
  function followed(message) {
    if (message.type === "live") follow();
    if (OWNERS.includes(message.type)) other?.vigil.heard();
    other?.follower.receive(message);
    if (message.type !== "ended") return;
    batch(() => {
      rows.show([message.message]);
      unfollow();
    });
    onEnded(message.message);
  }

  return {
    live,
    busy: () => answer !== null || other !== null,
    owned: () => answer !== null,

    /** @returns {Promise<Release | null>} The right to have an answer come; `null` while another tab has it. */
    async acquire() {
      await finished;
      // Not at once: a tab that has looked on may hold it for a moment, to see that the answer has ended.
      return locks.awaitLock(lock, AbortSignal.timeout(pace.acquireMs));
    },

    /** @param {{message: Message, request: import("../stream/run.js").RunRequest, release: Release}} options */
    start({ message, request, release }) {
      const started = startAnswer(parts, { message, request, release, onEnded: end });
      answer = started;
      finished = started.finished;
      batch(() => {
        unfollow();
        rows.show([message]);
      });
      presence.here(thread, true);
    },

    /** The page shows the thread. */
    async enter() {
      shown = true;
      const coming = presence.liveThreads.peek().has(thread) || [...rows.messages.peek().values()].some(unfinished);
      if (!coming || answer || other) return;
      const release = locks.available ? await locks.tryLock(lock) : null;
      if (release) await interrupt(await rows.read()).finally(release);
      else follow();
    },

    leave() {
      shown = false;
      unfollow();
    },

    stop() {
      if (answer) answer.stop();
      else channel.post({ type: "stop", thread });
    },

    /** @param {TabMessage} message */
    receive(message) {
      if (!answer && "thread" in message) followed(message);
      if (!answer) return;
      if (message.type === "stop") answer.stop();
      else if (message.type === "ended") rows.show([message.message]); // It ended as this one began.
      else answer.receive(message);
    },

    /** The page is closed, or may be: let another tab have the answer. */
    async abandon() {
      const abandoned = answer?.abandon();
      answer = null;
      presence.here(thread, false);
      unfollow();
      await abandoned;
    },
  };
}

/** @typedef {ReturnType<typeof createAnswering>} Answering */

/**
 * @param {Message} stored
 * @param {Message} seen
 * @returns {Message} The one that holds more.
 */
function longer(stored, seen) {
  const row = withLastWords(stored);
  const sizes = [row, seen].map(({ content, reasoning }) => content.length + reasoning.length);
  return sizes[1] >= sizes[0] ? seen : row;
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal  Cuts it short.
 * @returns {Promise<void>}
 */
function pause(ms, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
