// The owner's end of an answer that other tabs look on: it says that it is coming, gives whoever asks what there is so
// far, and from then on every step with its number.

/** @typedef {import("../tabs/channel.js").Channel} Channel */
/** @typedef {import("../tabs/channel.js").TabMessage} TabMessage */
/** @typedef {import("../types.js").Delta} Delta */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Status} Status */

/**
 * @param {{channel: Channel, run: string, live: import("./live.js").Live, beatMs: number, now: () => number}} options
 */
export function createRelay({ channel, run, live, beatMs, now }) {
  const { thread } = live.message;
  let seq = 0;
  let watched = false;
  let beatAt = 0;
  const timer = setInterval(beat, beatMs);
  beat();

  function beat() {
    beatAt = now();
    channel.post({ type: "live", thread, run });
  }

  /** @param {{delta: Delta} | {status: Status}} what */
  function step(what) {
    seq += 1;
    // Nobody looks on in most cases: then a long answer costs no messages.
    if (watched) channel.post({ type: "step", thread, run, seq, ...what });
    // In a tab that has been hidden for long, timers come once a minute only; pieces of the answer come as ever.
    if (now() - beatAt >= beatMs) beat();
  }

  /** @param {TabMessage} message */
  function receive(message) {
    if (message.type === "who") beat();
    if (message.type !== "ask") return;
    watched = true;
    const { startedAt, firstAt, status, tokens } = live;
    const state = { message: live.message, status: status.peek(), startedAt, firstAt, tokens: tokens.peek() };
    channel.post({ type: "snapshot", thread, to: message.from, run, seq, ...state });
  }

  return {
    step,
    receive,
    /** @param {Message} row  As it is in the store. */
    end: (row) => channel.post({ type: "ended", thread, run, message: row }),
    close: () => clearInterval(timer),
  };
}
