// Where a call's time went, read from the text that its `Server-Timing` header had (docs/timing.md).

/** @typedef {import("../admin/shapes.js").Call} Call */

/** In the order in which they come about; `gateway`, what is between them, last. `stream` is all after the head. */
export const PARTS = /** @type {const} */ ([
  "auth",
  "body",
  "parse",
  "limits",
  "route",
  "retries",
  "queue",
  "connect",
  "upstream",
  "answer",
  "gateway",
  "stream",
]);

/** @typedef {typeof PARTS[number]} PartName */
/** @typedef {{name: PartName, ms: number}} Part */

/**
 * @param {string} text  `auth;dur=0.021, parse;dur=0.034, …`
 * @returns {Map<string, number>} Milliseconds by name.
 */
export function durations(text) {
  const found = text.matchAll(/(?:^|,)\s*([!#$%&'*+.^_`|~\w-]+)\s*;[^,]*?\bdur=(\d+(?:\.\d+)?)/g);
  return new Map([...found].map(([, name, ms]) => [name, Number(ms)]));
}

/**
 * @param {Pick<Call, "timing" | "duration_us" | "stream">} call
 * @returns {Part[]} Those that took any time, which add up to its duration.
 */
export function partsOf({ timing, duration_us: durationUs, stream }) {
  const known = durations(timing ?? "");
  const total = known.get("total") ?? 0;
  // Of a whole answer the text is from a moment before the end; what is left then is the gateway's.
  const rest = Math.max(0, durationUs / 1000 - total);
  known.set(stream ? "stream" : "gateway", (stream ? 0 : (known.get("gateway") ?? 0)) + (known.size > 0 ? rest : 0));
  return PARTS.map((name) => ({ name, ms: known.get(name) ?? 0 })).filter(({ ms }) => ms > 0);
}

/**
 * @param {Pick<Call, "output_tokens" | "duration_us" | "first_byte_us" | "stream">} call
 * @returns {number | null} Tokens a second once the answer had begun; null where that cannot be said.
 */
export function speedOf({ output_tokens: tokens, duration_us: durationUs, first_byte_us: firstUs, stream }) {
  const seconds = firstUs === null ? 0 : (durationUs - firstUs) / 1e6;
  return stream && tokens > 1 && seconds >= 0.05 ? tokens / seconds : null;
}
