// How many tokens, and how fast. While an answer comes nobody says how many tokens it has, so they are estimated and
// shown with "≈"; at the end the usage tells.
//
// Decision: the estimate counts characters, not deltas. A delta is a token with some providers, half a sentence or a
// single letter with others, and a gateway's read may join several.

/** @typedef {import("../types.js").Delta} Delta */
/** @typedef {import("../types.js").Timing} Timing */
/** @typedef {import("../types.js").Usage} Usage */

// What tokenisers of today come to: about 4 characters of Latin text in a token, 2.5 of Cyrillic, Arabic and the like,
// and little more than one of Chinese or Japanese.
const LATIN_END = 0x0300;
const ALPHABETS_END = 0x2e80;
const TOKENS = { latin: 1 / 4, alphabets: 1 / 2.5, wide: 1 / 1.2 };

const SHORTEST_MS = 250;

/**
 * Estimate the tokens of a delta: a fraction, to be summed.
 *
 * @param {Delta} delta
 */
export function estimateTokens(delta) {
  if (delta.kind === "content" || delta.kind === "reasoning") return tokensIn(delta.text);
  return delta.kind === "tool" ? tokensIn(delta.name) + tokensIn(delta.arguments) : 0;
}

/**
 * Give the speed of an answer that is coming.
 *
 * @param {number} tokens  So far, estimated.
 * @param {number} ms  Since the first of them.
 * @returns {number | null} Tokens per second; `null` while it is too early to say.
 */
export function tokensPerSecond(tokens, ms) {
  return ms < SHORTEST_MS || tokens === 0 ? null : (tokens * 1000) / ms;
}

/**
 * Give the speed of an answer that has come: what was counted, over the time from its first token to its end. One that
 * came in one piece (not streamed, or all at once) has no such time; there it is the whole time.
 *
 * @param {Usage | null} usage
 * @param {Timing | null} timing
 * @returns {number | null} Tokens per second; `null` where nothing was counted.
 */
export function finalSpeed(usage, timing) {
  if (usage === null || usage.output === 0 || timing === null || timing.totalMs <= 0) return null;
  const coming = timing.firstMs === null ? 0 : timing.totalMs - timing.firstMs;
  return (usage.output * 1000) / (coming < SHORTEST_MS ? timing.totalMs : coming);
}

/** @param {string} text */
function tokensIn(text) {
  let tokens = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < LATIN_END) tokens += TOKENS.latin;
    else tokens += code < ALPHABETS_END ? TOKENS.alphabets : TOKENS.wide;
  }
  return tokens;
}
