// The log: which calls are asked for, pages of them, new ones as they end, and where a call's time went.

import { assert, assertEqual, test, until } from "./harness.js";
import { createList, merged, MOST_ROWS } from "/ui/app/logs/list.js";
import { followCalls } from "/ui/app/logs/tail.js";
import { durations, partsOf, speedOf } from "/ui/app/logs/timing.js";
import { wantedCalls } from "/ui/app/logs/wanted.js";
import { keyWanted } from "/ui/app/session.js";

/** @typedef {import("/ui/app/admin/shapes.js").Call} Call */

/** @param {number} number */
const id = (number) => `req_${String(number).padStart(24, "0")}`;
/** @param {number} number */
const call = (number) => /** @type {Call} */ ({ id: id(number), at: number });
/** @param {Call[]} calls */
const numbers = (calls) => calls.map(({ at }) => at);

test("an address asks for calls: a time back from now, or between two, and what they had", () => {
  const wanted = (/** @type {string} */ text) => Object.entries(wantedCalls(new URLSearchParams(text), 10_000_000)).filter(([, value]) => value !== null);

  assertEqual([], wanted(""));
  assertEqual([["since", "6400000"]], wanted("range=1h&since=5"));
  assertEqual([["since", "5"], ["until", "6"], ["key_id", "k"], ["model", "m"], ["status", "ok"], ["code", "c"]], wanted("since=5&until=6&key_id=k&model=m&status=ok&code=c&live=1"));
  assertEqual([["failed", "true"]], wanted("failed=true&since=x&until=1e9"));
});

/**
 * A list whose gateway gives these pages, one after the other.
 *
 * @param {{data: Call[], next: string | null}[]} pages
 */
function listOf(pages) {
  /** @type {string[]} */
  const asked = [];
  const list = createList({ model: "m" }, async (path) => {
    asked.push(path);
    const page = pages[asked.length - 1];
    if (page === undefined) throw new Error("gone");
    return page;
  });
  return { list, asked };
}

test("pages follow each other by the cursor, until there is none", async () => {
  const { list, asked } = listOf([{ data: [call(3), call(2)], next: "2-2" }, { data: [call(1)], next: null }]);

  await list.more();
  await list.more();
  await list.more();

  assertEqual([3, 2, 1], numbers(list.rows.value));
  assertEqual(["/admin/v1/calls?model=m&limit=50", "/admin/v1/calls?model=m&limit=50&cursor=2-2"], asked);
});

test("an empty page with a next one is not the end: the list goes on, but not for ever", async () => {
  const empty = { data: [], next: "1-1" };
  const found = listOf([empty, empty, { data: [call(1)], next: null }]);
  const lost = listOf(Array.from({ length: 20 }, () => empty));

  await found.list.more();
  await lost.list.more();

  assertEqual([[1], null], [numbers(found.list.rows.value), found.list.next.value]);
  assertEqual([5, "1-1", false], [lost.asked.length, lost.list.next.value, lost.list.loading.value]);
});

test("a page that cannot be had leaves what is there, and is asked for again", async () => {
  const { list, asked } = listOf([{ data: [call(2)], next: "2-2" }]);
  await list.more();

  await list.more();

  assertEqual([[2], "2-2", "Error: gone"], [numbers(list.rows.value), list.next.value, String(list.problem.value)]);
  await list.more();
  assertEqual(asked[1], asked[2]);
});

test("new calls come first, each once; those that are held back show when they are let go", async () => {
  const { list } = listOf([{ data: [call(2), call(1)], next: null }]);
  await list.more();

  list.add([call(3), call(2)], false);
  list.add([call(5)], true);
  list.add([call(4), call(5)], true);
  assertEqual([[3, 2, 1], [5, 4]], [numbers(list.rows.value), numbers(list.waiting.value)]);
  list.release();

  assertEqual([[5, 4, 3, 2, 1], []], [numbers(list.rows.value), numbers(list.waiting.value)]);
});

test("the list is bounded, however long one follows", () => {
  const { list } = listOf([]);

  list.add(Array.from({ length: MOST_ROWS + 10 }, (_, number) => call(number)), false);

  assertEqual([MOST_ROWS, MOST_ROWS + 9], [list.rows.value.length, list.rows.value[0].at]);
  assertEqual([2, 1], numbers(merged([call(1)], [call(2), call(1)])));
});

/** @param {string} text */
const events = (text) => new Response(text, { headers: { "content-type": "text/event-stream" } });

test("a tail that breaks off goes on from where it was", async () => {
  /** @type {(string | null)[]} */
  const from = [];
  /** @type {number[]} */
  const seen = [];
  const bodies = [`id: 7\n: from here on\n\ndata: ${JSON.stringify(call(1))}\n\nid: 8\ndata: ${JSON.stringify(call(2))}\n\n`, "broken", ""];
  const tail = followCalls({ model: "m", status: null }, (calls) => seen.push(...numbers(calls)), {
    firstPauseMs: 1,
    fetch: async (url, init) => {
      assertEqual("/admin/v1/calls/tail?model=m", url);
      from.push(new Headers(init?.headers).get("last-event-id"));
      const body = bodies[from.length - 1] ?? "";
      if (body === "broken") throw new TypeError("network");
      return events(body);
    },
  });

  await until(() => from.length >= 3);
  tail.close();

  assertEqual([[null, "8", "8"], [1, 2]], [from.slice(0, 3), seen]);
});

test("a tail that is refused ends, and where a key is wanted one is asked for", async () => {
  let asked = 0;
  const tail = followCalls({}, () => {}, {
    firstPauseMs: 1,
    fetch: async () => {
      asked += 1;
      return Response.json({ error: { message: "No.", code: "invalid_api_key" } }, { status: 401 });
    },
  });

  await until(() => tail.state.value === "ended");
  await new Promise((resolve) => setTimeout(resolve, 20));

  assertEqual([1, true, "No."], [asked, keyWanted.value, /** @type {Error} */ (tail.problem.value).message]);
  keyWanted.value = false;
});

const TIMING = "auth;dur=0.020, parse;dur=0.030, queue;dur=0.000, upstream;dur=100.000, answer;dur=1.500, gateway;dur=0.450, total;dur=102.000";

test("the text of Server-Timing is read, whatever else it holds", () => {
  assertEqual([["a", 1], ["b", 2.5], ["c", 0]], [...durations('a;dur=1, b;desc="x";dur=2.5,c;dur=0')]);
  assertEqual([], [...durations("")]);
  assertEqual([], [...durations("total")]);
});

test("the parts of a stream add up to its duration: what comes after the head is the stream", () => {
  const parts = partsOf({ timing: TIMING, duration_us: 1_102_000, stream: true });

  assertEqual(["auth", "parse", "upstream", "answer", "gateway", "stream"], parts.map(({ name }) => name));
  assertEqual(1000, parts.at(-1)?.ms);
  assertEqual(1102, Math.round(parts.reduce((sum, { ms }) => sum + ms, 0) * 1000) / 1000);
});

test("of a whole answer what is left is the gateway's; without a text there are no parts", () => {
  const parts = partsOf({ timing: TIMING, duration_us: 102_500, stream: false });

  assertEqual(["gateway", 0.95], [parts.at(-1)?.name, Math.round((parts.at(-1)?.ms ?? 0) * 1000) / 1000]);
  assertEqual([], partsOf({ timing: null, duration_us: 5_000, stream: true }));
});

test("the speed is that after the first byte, where there is enough to tell", () => {
  const streamed = { output_tokens: 100, duration_us: 3_000_000, first_byte_us: 1_000_000, stream: true };

  assertEqual(50, speedOf(streamed));
  for (const other of [{ stream: false }, { first_byte_us: null }, { output_tokens: 1 }, { duration_us: 1_000_001 }]) {
    assert(speedOf({ ...streamed, ...other }) === null);
  }
});
