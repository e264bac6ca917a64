// From a response to the deltas of an answer, streamed or not, and to the failure where it is none or breaks off.

import { deltasOf, deltasOfCompletion, objectOf } from "./deltas.js";
import { errorIn, failureInStream, failureOfResponse, messageOf, networkFailure, newFailure } from "./failures.js";
import { readText } from "./pieces.js";
import { readEvents } from "./sse.js";

/** @typedef {import("../types.js").Delta} Delta */
/** @typedef {import("../types.js").Failure} Failure */

/**
 * Where an answer goes.
 *
 * @typedef {object} Sink
 * @property {(delta: Delta) => void} deliver  Does not throw.
 * @property {() => boolean} finished  Whether a `finish` has been delivered: what may be missing then is the usage.
 * @property {() => void} alive  A sign of life.
 * @property {() => number} now
 * @property {AbortSignal} signal
 */

/**
 * Read an answer. Its own type tells whether it is a stream of events or a whole answer, not what was asked for: a
 * proxy or an upstream may know only one of the two.
 *
 * @param {Response} response
 * @param {Sink} sink
 * @returns {Promise<Failure | null>} `null` where the answer is complete.
 */
export async function readAnswer(response, sink) {
  if (!response.ok) return refusal(response, sink);
  const served = servedBy(response.headers);
  if (Object.values(served).some((name) => name !== "")) sink.deliver({ kind: "served", servedBy: served });
  const streamed = /^\s*text\/event-stream\b/i.test(response.headers.get("content-type") ?? "");
  const failure = await (streamed ? readStream(response.body, sink) : readWhole(response.body, sink));
  return failure && { ...failure, requestId: served.requestId };
}

/** @param {Headers} headers */
function servedBy(headers) {
  return {
    provider: headers.get("x-llms-provider") ?? "",
    model: headers.get("x-llms-model") ?? "",
    requestId: headers.get("x-request-id") ?? "",
  };
}

/**
 * @param {Response} response
 * @param {Sink} sink
 */
async function refusal({ status, headers, body }, { alive, now, signal }) {
  // The status says what happened, even if the words are lost or endless.
  const text = await readText(body, { onBytes: alive, maxChars: 1 << 20, signal }).catch(() => "");
  return failureOfResponse(status, headers, text, now());
}

/**
 * @param {Response["body"]} body
 * @param {Sink} sink
 * @returns {Promise<Failure | null>}
 */
async function readStream(body, sink) {
  let done = false;
  /** @type {Failure | null} */
  let failure = null;
  /** @param {{data: string}} event */
  const onEvent = ({ data }) => {
    const text = data.trim();
    done = text === "[DONE]";
    if (!done && text !== "") failure = readChunk(data, sink);
    return !done && failure === null;
  };
  try {
    await readEvents(body, { onEvent, onBytes: sink.alive, signal: sink.signal });
  } catch (error) {
    return sink.finished() ? null : lost(error);
  }
  return done || failure !== null || sink.finished() ? failure : networkFailure();
}

/**
 * @param {string} data
 * @param {Sink} sink
 * @returns {Failure | null}
 */
function readChunk(data, sink) {
  const chunk = parse(data);
  if (chunk.failure !== null) return chunk.failure;
  deltasOf(chunk.value).forEach(sink.deliver); // Some services put their last words and an error into one chunk.
  const error = errorIn(chunk.value);
  return error === undefined ? null : failureInStream(error);
}

/**
 * @param {Response["body"]} body
 * @param {Sink} sink
 * @returns {Promise<Failure | null>}
 */
async function readWhole(body, sink) {
  let text;
  try {
    text = await readText(body, { onBytes: sink.alive, signal: sink.signal });
  } catch (error) {
    return lost(error);
  }
  const completion = parse(text);
  if (completion.failure !== null) return completion.failure;
  const error = errorIn(completion.value);
  if (error !== undefined) return failureInStream(error);
  const { choices } = objectOf(completion.value);
  if (!Array.isArray(choices) || choices.length === 0) return newFailure("PARSE_ERROR", { raw: text });
  deltasOfCompletion(completion.value).forEach(sink.deliver);
  return null;
}

/**
 * @param {string} text
 * @returns {{value: unknown, failure: Failure | null}}
 */
function parse(text) {
  try {
    const value = JSON.parse(text);
    if (typeof value === "object" && value !== null) return { value, failure: null };
    return { value, failure: newFailure("PARSE_ERROR", { raw: text }) };
  } catch (error) {
    return { value: null, failure: newFailure("PARSE_ERROR", { detail: messageOf(error), raw: text }) };
  }
}

/** @param {unknown} error  What reading a body failed with. */
function lost(error) {
  return error instanceof RangeError ? newFailure("PARSE_ERROR", { detail: error.message }) : networkFailure(error);
}
