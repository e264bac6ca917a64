// What can go wrong with an answer: failures as data, and what a person is told about them.

import { t } from "../strings.js";
import { objectOf } from "./deltas.js";

/** @typedef {import("../types.js").Failure} Failure */
/** @typedef {import("../strings.js").StringKey} StringKey */

/**
 * What a person can do about a failure, best first. `continue` is for an answer that holds text; without any there is
 * nothing to go on from.
 *
 * @typedef {"retry" | "continue" | "key" | "unstreamed" | "model" | "compact"} Way
 */

const MAX_RAW_CHARS = 2_000;
const MAX_TYPE_CHARS = 100;
const MAX_WAIT_MS = 24 * 3600 * 1000;

/** Each kind of failure has two strings, `failure.KIND.title` and `failure.KIND`, and these ways on. */
const WAYS = /** @satisfies {Record<string, Way[]>} */ ({
  address: ["retry"],
  badAnswer: ["retry", "model", "continue"],
  bug: ["retry", "continue"],
  busy: ["retry", "continue", "model"],
  callback: ["retry"],
  callbacks: ["retry"],
  context: ["compact", "model", "retry"],
  credit: ["model", "retry", "continue"],
  cut: ["continue", "retry", "model"],
  draining: ["continue", "retry"],
  filtered: ["model", "retry"],
  forbidden: ["retry"],
  http: ["retry", "continue", "model"],
  interrupted: ["continue", "retry"],
  key: ["key", "retry"],
  limit: ["retry", "continue", "model"],
  model: ["model", "retry"],
  network: ["continue", "retry"],
  offline: ["continue", "retry"],
  parse: ["unstreamed", "continue", "retry"],
  providerKey: ["model", "retry", "continue"],
  refused: ["retry", "model"],
  request: ["retry"],
  rights: ["model", "key", "retry"],
  silent: ["continue", "retry", "model"],
  size: ["compact", "retry"],
  slowRequest: ["retry"],
  stream: ["continue", "retry", "model"],
  unknown: ["retry", "continue"],
  unreachable: ["retry", "continue", "model"],
  upstream: ["retry", "continue", "model"],
  upstreamSlow: ["continue", "retry", "model"],
});

/** @typedef {keyof typeof WAYS} Kind */

/**
 * What the gateway calls its errors (docs/errors.md): the same under a status of its own and inside a stream. The last
 * ones are `type`s, for errors without a `code`.
 *
 * @type {Map<string, Kind>}
 */
const BY_TYPE = new Map([
  ["invalid_api_key", "key"],
  ["endpoint_not_allowed", "rights"],
  ["key_disabled", "rights"],
  ["origin_not_allowed", "forbidden"],
  ["misdirected_host", "forbidden"],
  ["model_not_found", "model"],
  ["not_found", "address"],
  ["request_read_timeout", "slowRequest"],
  ["request_too_large", "size"],
  ["context_length_exceeded", "context"],
  ["string_above_max_length", "context"],
  ["content_filter", "filtered"],
  ["content_policy_violation", "filtered"],
  ["insufficient_quota", "credit"],
  ["rate_limit_exceeded", "limit"],
  ["internal_error", "bug"],
  ["upstream_auth_error", "providerKey"],
  ["upstream_bad_content_type", "badAnswer"],
  ["upstream_bad_response", "badAnswer"],
  ["upstream_event_too_large", "badAnswer"],
  ["upstream_redirect", "badAnswer"],
  ["upstream_disconnected", "cut"],
  ["upstream_truncated", "cut"],
  ["upstream_error", "upstream"],
  ["upstream_tls_error", "unreachable"],
  ["upstream_unreachable", "unreachable"],
  ["upstream_connect_timeout", "unreachable"],
  ["upstream_circuit_open", "unreachable"],
  ["upstream_first_byte_timeout", "upstreamSlow"],
  ["upstream_idle_timeout", "upstreamSlow"],
  ["upstream_total_timeout", "upstreamSlow"],
  ["draining", "draining"],
  ["overloaded", "busy"],
  ["offline", "offline"],
  ["request", "request"],
  ["rate_limit_error", "limit"],
  ["overloaded_error", "busy"],
  ["timeout_error", "upstreamSlow"],
]);

/** @type {Map<string, Kind>} */
const BY_CODE = new Map([
  ["NETWORK_ERROR", "network"],
  ["STREAM_TIMEOUT", "silent"],
  ["PARSE_ERROR", "parse"],
  ["CALLBACK_ERROR", "callback"],
  ["INVALID_CALLBACK", "callbacks"],
  ["STREAM_ERROR", "stream"],
  ["INTERRUPTED", "interrupted"],
  ["HTTP_401", "key"],
  ["HTTP_402", "credit"],
  ["HTTP_403", "forbidden"],
  ["HTTP_404", "address"],
  ["HTTP_405", "address"],
  ["HTTP_408", "slowRequest"],
  ["HTTP_413", "size"],
  ["HTTP_421", "forbidden"],
  ["HTTP_429", "limit"],
  ["HTTP_500", "bug"],
  ["HTTP_503", "busy"],
  ["HTTP_504", "upstreamSlow"],
]);

/**
 * Say what a failure means and what can be done about it.
 *
 * @param {Failure} failure
 * @returns {{title: string, sentence: string, ways: Way[]}}
 */
export function explain({ code, type }) {
  const kind = BY_TYPE.get(type) ?? BY_CODE.get(code) ?? kindOfStatus(code);
  const status = code.replace(/^HTTP_/, "");
  return {
    title: t(/** @type {StringKey} */ (`failure.${kind}.title`), { status }),
    sentence: t(/** @type {StringKey} */ (`failure.${kind}`), { status }),
    ways: [...WAYS[kind]],
  };
}

/**
 * @param {string} code
 * @returns {Kind}
 */
function kindOfStatus(code) {
  if (/^HTTP_4\d\d$/.test(code)) return "refused";
  if (/^HTTP_5\d\d$/.test(code)) return "upstream";
  return /^HTTP_\d+$/.test(code) ? "http" : "unknown";
}

/**
 * Make a failure.
 *
 * @param {string} code
 * @param {Partial<Failure>} [more]
 * @returns {Failure}
 */
export function newFailure(code, { detail = "", type = "", retryAt = null, raw = "", requestId = "" } = {}) {
  return {
    code,
    detail: detail.slice(0, MAX_RAW_CHARS),
    type: type.slice(0, MAX_TYPE_CHARS),
    retryAt,
    raw: raw.slice(0, MAX_RAW_CHARS),
    requestId,
  };
}

/**
 * The connection was lost, or there never was one.
 *
 * @param {unknown} [error]  What the browser said.
 */
export function networkFailure(error) {
  return newFailure("NETWORK_ERROR", { detail: messageOf(error), type: navigator.onLine ? "" : "offline" });
}

/**
 * Give the failure for an answer whose status is one.
 *
 * @param {number} status
 * @param {Headers} headers
 * @param {string} bodyText
 * @param {number} [now]
 * @returns {Failure}
 */
export function failureOfResponse(status, headers, bodyText, now = Date.now()) {
  const requestId = headers.get("x-request-id") ?? "";
  const body = parsed(bodyText);
  const said = errorIn(body) ?? body;
  // What is no JSON is a proxy's own page, say: shown as it came.
  const words = said === undefined ? { raw: bodyText } : wordsOf(said);
  const waits = words.type !== "insufficient_quota"; // Waiting a little brings no credit.
  return newFailure(`HTTP_${status}`, { ...words, retryAt: waits ? retryAt(headers, now) : null, requestId });
}

/**
 * Give the failure for an error that came where an answer, or a piece of one, was due.
 *
 * @param {unknown} error
 */
export function failureInStream(error) {
  return newFailure("STREAM_ERROR", wordsOf(error));
}

/**
 * @param {unknown} body  A chunk, or a whole answer.
 * @returns {unknown} The error in it; `undefined` where there is none.
 */
export function errorIn(body) {
  const { error, object } = objectOf(body);
  if (error) return error === true ? body : error;
  return object === "error" ? body : undefined;
}

/** @param {unknown} error */
export function messageOf(error) {
  if (error === undefined) return "";
  return error instanceof Error ? error.message : String(error);
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * @param {unknown} error  An object as OpenAI's, as FastAPI's, or a text.
 * @returns {Partial<Failure>}
 */
function wordsOf(error) {
  const { message, detail, code, type } = objectOf(error);
  const said = typeof error === "string" ? error : (message ?? detail);
  return {
    detail: typeof said === "string" ? said : JSON.stringify(said ?? error),
    type: [code, type].find((word) => typeof word === "string" && word !== "") ?? "",
  };
}

/**
 * When `retry-after-ms` or `retry-after` (seconds or a date) allows the next try.
 *
 * @param {Headers} headers
 * @param {number} now
 * @returns {number | null}
 */
function retryAt(headers, now) {
  const ms = numberOf(headers.get("retry-after-ms"));
  const asked = headers.get("retry-after");
  const seconds = numberOf(asked);
  // A date is measured against the answer's own: only the clock of its sender knows what it meant.
  const until = dateOf(asked) - (dateOf(headers.get("date")) || now);
  const waitMs = ms ?? (seconds === null ? until : seconds * 1000);
  return Number.isFinite(waitMs) ? now + Math.min(Math.max(waitMs, 0), MAX_WAIT_MS) : null;
}

/** @param {string | null} text */
function numberOf(text) {
  const number = Number(text?.trim() || NaN); // An empty text would be 0.
  return Number.isFinite(number) ? number : null;
}

/** @param {string | null} text */
function dateOf(text) {
  return /\bGMT\s*$/.test(text ?? "") ? Date.parse(text ?? "") : NaN; // `Date.parse` alone sees a date in "soon 1".
}
