// The rows of a conversation: how they are made, how an answer's row grows and how it ends. Plain functions.

import { newId } from "../ids.js";

/** @typedef {import("../types.js").Delta} Delta */
/** @typedef {import("../types.js").Failure} Failure */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Outcome} Outcome */
/** @typedef {import("../types.js").Picture} Picture */
/** @typedef {import("../types.js").Price} Price */
/** @typedef {import("../types.js").Timing} Timing */
/** @typedef {import("../types.js").Usage} Usage */

const OPENING_CHARACTERS = 80;

/**
 * @param {{thread: string, parent: string | null, role: "user" | "assistant", created: number} & Partial<Message>} given
 * @returns {Message}
 */
export function newMessage(given) {
  return {
    id: newId(),
    content: "",
    pictures: [],
    reasoning: "",
    reasoningMs: 0,
    tools: [],
    status: "done",
    failure: null,
    model: "",
    finish: null,
    usage: null,
    timing: null,
    servedBy: null,
    ...given,
  };
}

/**
 * @param {string} text
 * @param {readonly Picture[]} pictures
 * @returns {string} What a thread is called until somebody names it: one line of its first words.
 */
export function openingOf(text, pictures) {
  const words = text.slice(0, 20 * OPENING_CHARACTERS).replace(/\s+/g, " ").trim() || (pictures[0]?.name ?? "");
  const characters = [...words];
  return characters.length <= OPENING_CHARACTERS ? words : `${characters.slice(0, OPENING_CHARACTERS).join("")}…`;
}

/** @param {Message} message */
export function unfinished({ status }) {
  return status === "connecting" || status === "waiting" || status === "streaming";
}

/**
 * @param {Message} message
 * @returns {Message} Its own copy, which does not grow with it.
 */
export function copyOf(message) {
  return { ...message, tools: message.tools.map((call) => ({ ...call })) };
}

/**
 * Let a message grow in place.
 *
 * @param {Message} message
 * @param {Delta} delta
 */
export function grow(message, delta) {
  if (delta.kind === "content") message.content += delta.text;
  else if (delta.kind === "reasoning") message.reasoning += delta.text;
  else if (delta.kind === "usage") message.usage = delta.usage;
  else if (delta.kind === "finish") message.finish = delta.reason;
  else if (delta.kind === "served") message.servedBy = delta.servedBy;
  else growTool(message, delta);
}

/**
 * @param {Message} message
 * @param {Extract<Delta, {kind: "tool"}>} delta
 */
function growTool(message, delta) {
  const call = message.tools[delta.index] ?? { id: "", name: "", arguments: "" };
  message.tools[delta.index] = {
    id: delta.id || call.id,
    name: delta.name || call.name,
    arguments: call.arguments + delta.arguments,
  };
}

/**
 * How long an answer took. Stretches of one that was continued add up, without the time between them; the first token
 * is that of the first stretch that had one.
 *
 * @param {Timing | null} before
 * @param {number} sentAt
 * @param {number | null} firstAt
 * @param {number} at
 * @returns {Timing}
 */
export function timingOf(before, sentAt, firstAt, at) {
  return {
    sentAt: before?.sentAt ?? sentAt,
    // A clock that was set back meanwhile makes no time negative.
    firstMs: before?.firstMs ?? (firstAt === null ? null : Math.max(0, firstAt - sentAt)),
    totalMs: (before?.totalMs ?? 0) + Math.max(0, at - sentAt),
  };
}

/**
 * @param {Message} message
 * @param {Outcome} outcome
 * @param {Price | null} price  For where the provider names no cost.
 * @returns {Message} The row of an answer that has ended.
 */
export function ended(message, { status, failure }, price) {
  const usage = message.usage;
  const cost = usage && price ? costOf(usage, price) : null;
  return { ...copyOf(message), status, failure, usage: usage && { ...usage, costUsd: usage.costUsd ?? cost } };
}

/**
 * @param {Usage} usage
 * @param {Price} price
 */
function costOf({ input, output, cached }, { inputUsd, outputUsd, cachedUsd = inputUsd }) {
  return (input - cached) * inputUsd + cached * cachedUsd + output * outputUsd;
}

/**
 * @param {Message} message
 * @returns {Message} The row of an answer whose page was closed while it came.
 */
export function interrupted(message) {
  const failure = { code: "INTERRUPTED", detail: "", type: "", retryAt: null, raw: "", requestId: "" };
  return { ...copyOf(message), status: "failed", failure };
}
