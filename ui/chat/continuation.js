// How what a run brings is joined to what its message holds already: nothing for a new answer, the text so far where an
// answer is continued. Its parts only ever grow: text is appended, tool calls come after those that are there, usage
// adds up. (A stretch that was cut off has no usage, so the sum is of what providers have counted.)

import { mayOverlap, withoutOverlap } from "./overlap.js";

/** @typedef {import("../types.js").Delta} Delta */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Usage} Usage */

/**
 * @param {Message} before  The message as it was when the run began.
 * @returns {{take: (delta: Delta) => Delta[], rest: () => Delta[]}}  `rest` gives what is still held back; call it at the end.
 */
export function createContinuation(before) {
  /** @type {Map<number, number>} */
  const positions = new Map();
  let held = "";
  let joined = before.content === "";
  let thought = before.reasoning === "";

  /** @returns {Delta[]} */
  function rest() {
    if (joined) return [];
    joined = true;
    const text = withoutOverlap(before.content, held);
    return text === "" ? [] : [{ kind: "content", text }];
  }

  /** @param {string} text */
  function join(text) {
    held += text;
    return mayOverlap(before.content, held) ? [] : rest();
  }

  /** @param {string} text */
  function think(text) {
    const gap = thought ? "" : "\n\n";
    thought = true;
    return gap + text;
  }

  // A provider counts its tool calls as it likes, and from 0 in every run.
  /** @param {number} index */
  function position(index) {
    const known = positions.get(index) ?? before.tools.length + positions.size;
    positions.set(index, known);
    return known;
  }

  /**
   * @param {Delta} delta
   * @returns {Delta[]}
   */
  function take(delta) {
    if (delta.kind === "content") return joined ? [delta] : join(delta.text);
    if (delta.kind === "reasoning") return [{ kind: "reasoning", text: think(delta.text) }];
    if (delta.kind === "tool") return [{ ...delta, index: position(delta.index) }];
    if (delta.kind === "usage") return [{ kind: "usage", usage: added(before.usage, delta.usage) }];
    return [delta];
  }

  return { take, rest };
}

/**
 * @param {Usage | null} before
 * @param {Usage} more
 * @returns {Usage} Its cost is known where both are.
 */
function added(before, more) {
  if (before === null) return more;
  return {
    input: before.input + more.input,
    output: before.output + more.output,
    reasoning: before.reasoning + more.reasoning,
    cached: before.cached + more.cached,
    costUsd: before.costUsd === null || more.costUsd === null ? null : before.costUsd + more.costUsd,
  };
}
