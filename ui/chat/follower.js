// The other end of a relay: an answer that another tab owns, shown here as it grows. Steps are taken in the order of
// their numbers; what comes before a snapshot waits for it; a step that is missing is asked for by a new snapshot.

import { createLive } from "./live.js";

/** @typedef {import("../tabs/channel.js").Channel} Channel */
/** @typedef {import("../tabs/channel.js").TabMessage} TabMessage */
/** @typedef {import("../types.js").Delta} Delta */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {Extract<TabMessage, {type: "snapshot"}>} Snapshot */
/** @typedef {Extract<TabMessage, {type: "step"}>} Step */

// As many steps wait for a snapshot; should more come, the next snapshot holds them.
const MOST_WAITING = 5_000;

/**
 * @param {{thread: string, channel: Channel, onLive: (live: import("./live.js").Live) => void, now: () => number}} options
 *   `onLive` is called once there is something to show, and again should it have to be shown anew.
 */
export function createFollower({ thread, channel, onLive, now }) {
  /** @type {import("./live.js").LiveHandle | null} */
  let handle = null;
  let run = "";
  let seq = 0;
  let asking = false;
  /** @type {Step[]} */
  let waiting = [];
  ask();

  function ask() {
    asking = true;
    channel.post({ type: "ask", thread, from: channel.tab });
  }

  /** @param {Snapshot} snapshot */
  function adopt(snapshot) {
    const missed = handle && deltasBetween(handle.live.message, snapshot.message);
    if (handle && missed) {
      Object.assign(handle.live, { startedAt: snapshot.startedAt, firstAt: snapshot.firstAt });
      for (const delta of missed) take(handle, delta);
      handle.setStatus(snapshot.status);
    } else {
      handle = createLive({ ...snapshot.message, status: snapshot.status }, { ...snapshot, mine: false, now });
      onLive(handle.live);
    }
    ({ run, seq } = snapshot);
    asking = false;
    const steps = waiting;
    waiting = [];
    steps.forEach(step);
  }

  /** @param {Step} next */
  function step(next) {
    if (asking || next.run !== run || next.seq > seq + 1) return wait(next);
    if (!handle || next.seq <= seq) return;
    seq = next.seq;
    if (next.delta) take(handle, next.delta);
    if (next.status) handle.setStatus(next.status);
  }

  /** @param {Step} next */
  function wait(next) {
    if (waiting.length < MOST_WAITING) waiting.push(next);
    if (!asking) ask();
  }

  return {
    live: () => handle?.live ?? null,

    /** @param {TabMessage} message */
    receive(message) {
      if (message.type === "snapshot" && message.to === channel.tab) adopt(message);
      else if (message.type === "step") step(message);
      // Another run (its owner has changed), or an owner that was not there when it was asked.
      else if (message.type === "live" && (asking || message.run !== run)) ask();
    },
  };
}

/**
 * @param {import("./live.js").LiveHandle} handle
 * @param {Delta} delta
 */
function take(handle, delta) {
  handle.grow(delta);
  try {
    handle.tell(delta);
  } catch (error) {
    reportError(error); // The text is safe: it is in the message, and with the answer's owner.
  }
}

/**
 * @param {Message} before
 * @param {Message} after
 * @returns {Delta[] | null} What makes the one of the other; `null` where it has not just grown.
 */
export function deltasBetween(before, after) {
  const grown =
    before.id === after.id &&
    after.content.startsWith(before.content) &&
    after.reasoning.startsWith(before.reasoning) &&
    before.tools.every((call, index) => after.tools[index]?.arguments.startsWith(call.arguments));
  if (!grown) return null;
  /** @type {Delta[]} */
  const deltas = [
    { kind: "reasoning", text: after.reasoning.slice(before.reasoning.length) },
    { kind: "content", text: after.content.slice(before.content.length) },
  ];
  const tools = after.tools.map((call, index) => toolDelta(call, index, before.tools[index]?.arguments.length ?? 0));
  const texts = deltas.filter((delta) => "text" in delta && delta.text !== "");
  return [...texts, ...tools, ...stated(after)];
}

/**
 * @param {import("../types.js").ToolCall} call
 * @param {number} index
 * @param {number} known  So many characters of the arguments.
 * @returns {Delta}
 */
function toolDelta(call, index, known) {
  return { kind: "tool", index, id: call.id, name: call.name, arguments: call.arguments.slice(known) };
}

/**
 * @param {Message} message
 * @returns {Delta[]}
 */
function stated({ usage, finish, servedBy }) {
  /** @type {(Delta | null)[]} */
  const deltas = [
    usage && { kind: "usage", usage },
    finish === null ? null : { kind: "finish", reason: finish },
    servedBy && { kind: "served", servedBy },
  ];
  return deltas.filter((delta) => delta !== null);
}
