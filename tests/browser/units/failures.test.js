import { explain, failureInStream, failureOfResponse, newFailure } from "/ui/app/stream/failures.js";
import { assert, assertEqual, test } from "./harness.js";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const WAYS = ["retry", "continue", "key", "unstreamed", "model", "compact"];

/**
 * @param {Partial<{message: unknown, type: unknown, param: unknown, code: unknown}>} error
 */
const envelope = (error) => JSON.stringify({ error });

/**
 * @param {number} status
 * @param {Record<string, string>} [headers]
 * @param {string} [body]
 */
const refused = (status, headers = {}, body = "{}") => failureOfResponse(status, new Headers(headers), body, NOW);

/** @param {Partial<import("/ui/app/types.js").Failure>} failure */
const waysOf = (failure) => explain(newFailure(failure.code ?? "", failure)).ways;

test("a refusal holds the status, the words, the code and the request's id", () => {
  const body = envelope({
    message: "No such model",
    type: "invalid_request_error",
    param: "model",
    code: "model_not_found",
  });

  assertEqual(
    { code: "HTTP_404", detail: "No such model", type: "model_not_found", retryAt: null, raw: "", requestId: "req_1" },
    refused(404, { "x-request-id": "req_1" }, body),
  );
});

test("where there is no code, the type counts", () => {
  assertEqual("overloaded_error", refused(503, {}, envelope({ type: "overloaded_error", code: null })).type);
});

test("a body that is no JSON is kept as it came, cut", () => {
  const page = `<html>${"x".repeat(5000)}`;

  const failure = refused(502, {}, page);

  assertEqual(["HTTP_502", "", page.slice(0, 2000)], [failure.code, failure.detail, failure.raw]);
});

test("errors of other shapes give their words, and none throws", () => {
  assertEqual("no", refused(400, {}, '{"error": "no"}').detail);
  assertEqual("no", refused(400, {}, '{"detail": "no"}').detail);
  assertEqual("no", refused(400, {}, '{"object": "error", "message": "no"}').detail);
  assertEqual('[{"loc":1}]', refused(422, {}, '{"detail": [{"loc": 1}]}').detail);
  for (const body of [
    "null",
    "5",
    "[]",
    '"x"',
    "",
    "{",
    '{"error": true}',
    '{"error": {"message": {"a": 1}, "code": 5}}',
  ]) {
    const { detail, type, raw } = refused(400, {}, body);
    assert(
      [detail, type, raw].every((text) => typeof text === "string"),
      body,
    );
  }
});

test("retry-after is read as milliseconds, seconds or a date by the sender's clock", () => {
  const dates = { date: "Thu, 01 Jan 2026 00:00:00 GMT", "retry-after": "Thu, 01 Jan 2026 00:00:30 GMT" };

  assertEqual(NOW + 1500, refused(429, { "retry-after-ms": "1500", "retry-after": "2" }).retryAt);
  assertEqual(NOW + 20_000, refused(429, { "retry-after": "20" }).retryAt);
  assertEqual(NOW + 500, refused(503, { "retry-after": " 0.5 " }).retryAt);
  assertEqual(NOW + 30_000, refused(429, dates).retryAt);
  assertEqual(NOW + 55_000, refused(429, { "retry-after": "Fri, 02 Jan 2026 03:05:00 GMT" }).retryAt);
  assertEqual(NOW + 20_000, refused(429, { "retry-after": "20" }, "<html>").retryAt);
});

test("a wait that is over or beyond reason is bounded, one that says nothing is none", () => {
  assertEqual(NOW, refused(429, { "retry-after": "-5" }).retryAt);
  assertEqual(NOW, refused(429, { "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" }).retryAt);
  assertEqual(NOW + 86_400_000, refused(429, { "retry-after": "999999999" }).retryAt);
  for (const nothing of ["", "soon", "soon 1", "1.2.3", "NaN", "Infinity"]) {
    assertEqual(null, refused(429, { "retry-after": nothing }).retryAt, nothing);
  }
  assertEqual(null, refused(429).retryAt);
});

test("an empty account is no matter of waiting", () => {
  const failure = refused(429, { "retry-after": "20" }, envelope({ message: "Top up", code: "insufficient_quota" }));

  assertEqual([null, "model"], [failure.retryAt, waysOf(failure)[0]]);
});

test("an error inside a stream holds its words and its code", () => {
  const error = { message: "Silent", type: "timeout_error", param: null, code: "upstream_idle_timeout" };

  const { code, detail, type } = failureInStream(error);

  assertEqual(["STREAM_ERROR", "Silent", "upstream_idle_timeout"], [code, detail, type]);
});

test("every failure that there can be has a title, a sentence and ways on, and Retry is among them", () => {
  const codes = [
    "NETWORK_ERROR",
    "STREAM_TIMEOUT",
    "PARSE_ERROR",
    "CALLBACK_ERROR",
    "INVALID_CALLBACK",
    "STREAM_ERROR",
  ];
  const statuses = Array.from({ length: 500 }, (_, number) => `HTTP_${number + 100}`);

  for (const code of [...codes, "INTERRUPTED", ...statuses, "HTTP_", "", "NEVER_HEARD_OF", "__proto__"]) {
    for (const type of ["", "never_heard_of", "constructor", "__proto__"]) {
      const { title, sentence, ways } = explain(newFailure(code, { type }));

      assert(
        title.length > 3 && sentence.length > 20 && !/[{}]|undefined/.test(title + sentence),
        `${code}: ${sentence}`,
      );
      assert(ways.includes("retry") && ways.every((way) => WAYS.includes(way)), `${code}: ${ways}`);
    }
  }
});

test("a status that nobody expects is named", () => {
  assert(explain(newFailure("HTTP_302")).sentence.includes("status 302"));
});

test("each of the gateway's codes has a sentence of its own sort, under its status and in a stream alike", () => {
  const codes = [
    "invalid_api_key origin_not_allowed model_not_found not_found request_read_timeout request_too_large",
    "misdirected_host insufficient_quota rate_limit_exceeded internal_error upstream_auth_error",
    "upstream_bad_content_type upstream_bad_response upstream_disconnected upstream_error upstream_event_too_large",
    "upstream_redirect upstream_tls_error upstream_truncated upstream_unreachable draining overloaded",
    "upstream_connect_timeout upstream_first_byte_timeout upstream_idle_timeout upstream_total_timeout",
    "context_length_exceeded",
  ]
    .join(" ")
    .split(" ");
  const general = explain(newFailure("STREAM_ERROR")).sentence;

  for (const type of codes) {
    const { sentence } = explain(newFailure("STREAM_ERROR", { type }));

    assert(sentence !== general, type);
    assertEqual(sentence, explain(newFailure("HTTP_400", { type })).sentence);
  }
});

test("the first way is the one that helps", () => {
  const first = (/** @type {string} */ code, type = "") => waysOf({ code, type })[0];

  assertEqual("key", first("HTTP_401"));
  assertEqual("model", first("HTTP_404", "model_not_found"));
  assertEqual("compact", first("HTTP_400", "context_length_exceeded"));
  assertEqual("retry", first("HTTP_429"));
  assertEqual("unstreamed", first("PARSE_ERROR"));
  assertEqual("continue", first("NETWORK_ERROR"));
  assertEqual("continue", first("INTERRUPTED"));
  assertEqual("continue", first("STREAM_ERROR", "upstream_truncated"));
});

test("who changes the ways that were given changes nothing for the next", () => {
  waysOf({ code: "HTTP_401" }).length = 0;

  assertEqual(["key", "retry"], waysOf({ code: "HTTP_401" }));
});

test("what a failure keeps of foreign words is bounded", () => {
  const { detail, type, raw } = newFailure("X", {
    detail: "d".repeat(1e5),
    type: "t".repeat(1e5),
    raw: "r".repeat(1e5),
  });

  assertEqual([2000, 100, 2000], [detail.length, type.length, raw.length]);
});
