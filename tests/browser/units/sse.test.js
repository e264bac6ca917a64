import { readText } from "/ui/app/stream/pieces.js";
import { readEvents } from "/ui/app/stream/sse.js";
import { assert, assertEqual, assertThrows, test } from "./harness.js";
import { bodyOf, bytesOf, cutAt, placesIn } from "./streams.js";

const STREAM =
  '\uFEFFdata: {"a": "1"}\n\n: keep-alive\n\ndata: zwei 😀 żółć 日本\r\n\r\n:\r\n\revent: x\rid: 7\rdata: three\r' +
  "data: lines\rdata:\r\rretry: 5\n\ndata:no space\n\ndata\n\nunknown: field\n\ndata: two\n\n\ndata: last\n\ndata: cut sh";
const DATA = ['{"a": "1"}', "zwei 😀 żółć 日本", "three\nlines\n", "no space", "", "two", "last"];

/**
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @param {Partial<import("/ui/app/stream/sse.js").EventReader>} [options]
 */
async function eventsOf(body, options = {}) {
  /** @type {string[]} */
  const found = [];
  await readEvents(body, { onEvent: ({ data }) => void found.push(data), ...options });
  return found;
}

test("a stream cut in two anywhere, inside a character or a CRLF too, gives the same events", async () => {
  const bytes = bytesOf(STREAM);

  for (let place = 0; place <= bytes.length; place += 1) {
    assertEqual(DATA, await eventsOf(bodyOf(cutAt(bytes, [place]))), `cut at ${place}`);
  }
});

test("a stream cut into random pieces, empty ones too, gives the same events", async () => {
  const bytes = bytesOf(STREAM);

  for (let seed = 1; seed <= 300; seed += 1) {
    assertEqual(DATA, await eventsOf(bodyOf(cutAt(bytes, placesIn(bytes.length, seed)))), `seed ${seed}`);
  }
});

test("a stream that comes byte by byte gives the same events", async () => {
  const bytes = bytesOf(STREAM);

  assertEqual(DATA, await eventsOf(bodyOf(cutAt(bytes, [...bytes.keys()]))));
});

test("every read is a sign of life: a comment, half an event, half a character", async () => {
  let signs = 0;
  const pieces = [
    bytesOf(": keep-alive\n\n"),
    bytesOf("data: h"),
    Uint8Array.of(0xf0, 0x9f),
    Uint8Array.of(0x98, 0x80),
  ];

  const found = await eventsOf(bodyOf([...pieces, "\n\n"]), { onBytes: () => (signs += 1) });

  assertEqual(["h😀"], found);
  assert(signs >= 5);
});

test("a line of a megabyte is an event like any other", async () => {
  const long = "x".repeat(1 << 20);
  const bytes = bytesOf(`data: ${long}\n\ndata: after\n\n`);

  const found = await eventsOf(
    bodyOf(
      cutAt(
        bytes,
        Array.from({ length: 63 }, (_, number) => (number + 1) << 14),
      ),
    ),
  );

  assertEqual([long.length, "after"], [found[0].length, found[1]]);
});

test("an event over the limit is refused, however it comes, after those before it", async () => {
  const long = `data: before\n\ndata: ${"x".repeat(200)}\n\ndata: after\n\n`;
  const bytes = bytesOf(long);
  const lines = bytesOf(`data: before\n\n${`data: ${"x".repeat(50)}\n`.repeat(4)}\ndata: after\n\n`);

  for (const pieces of [
    [bytes],
    cutAt(bytes, [40, 80, 150]),
    cutAt(bytes, [...bytes.keys()]),
    [lines],
    cutAt(lines, [90]),
  ]) {
    /** @type {string[]} */
    const found = [];
    const reading = readEvents(bodyOf(pieces), { onEvent: ({ data }) => void found.push(data), maxEventChars: 100 });

    assert((await assertThrows(() => reading, "longer than 100 characters")) instanceof RangeError);
    assertEqual(["before"], found);
  }
});

test("an endless line does not fill the memory: the body is let go", async () => {
  let cancelled = 0;
  const mega = new Uint8Array(1 << 20).fill(0x78);
  const pieces = ["data: ", ...Array(40).fill(mega)];
  const reading = eventsOf(bodyOf(pieces, { error: new Error("all was read"), onCancel: () => (cancelled += 1) }));

  assert((await assertThrows(() => reading, "longer than")) instanceof RangeError);

  assertEqual(1, cancelled);
});

test("no event comes after the last one that is wanted, and the body is let go", async () => {
  let cancelled = 0;
  const body = bodyOf(["data: 1\n\ndata: 2\n\ndata: 3\n\n", "data: 4\n\n"], {
    open: true,
    onCancel: () => (cancelled += 1),
  });
  /** @type {string[]} */
  const found = [];

  await readEvents(body, { onEvent: ({ data }) => (found.push(data), data !== "2") });

  assertEqual([["1", "2"], 1, false], [found, cancelled, body.locked]);
});

test("a reader that throws ends the reading, and the body is let go", async () => {
  let cancelled = 0;
  const body = bodyOf(["data: 1\n\n"], { open: true, onCancel: () => (cancelled += 1) });
  const reading = readEvents(body, {
    onEvent() {
      throw new Error("mine");
    },
  });

  await assertThrows(() => reading, "mine");

  assertEqual([1, false], [cancelled, body.locked]);
});

test("a body that knows nothing of the signal is let go when it aborts, before or while it is read", async () => {
  for (const early of [true, false]) {
    let cancelled = 0;
    const abort = new AbortController();
    const body = bodyOf(early ? [] : ["data: 1\n\n"], { open: true, onCancel: () => (cancelled += 1) });
    if (early) abort.abort();

    /** @type {string[]} */
    const found = [];
    const onEvent = (/** @type {{data: string}} */ { data }) => {
      found.push(data);
      setTimeout(() => abort.abort(), 0);
    };
    await readEvents(body, { onEvent, signal: abort.signal });

    assertEqual([early ? [] : ["1"], 1, false], [found, cancelled, body.locked]);
  }
});

test("the listener of the signal is taken off when the body ends, fails or is no longer wanted", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  signal.addEventListener = () => void (listeners += 1);
  signal.removeEventListener = () => void (listeners -= 1);

  await eventsOf(bodyOf(["data: 1\n\n"]), { signal });
  await assertThrows(() => eventsOf(bodyOf(["data: 1\n\n"], { error: new TypeError("lost") }), { signal }), "lost");
  await eventsOf(bodyOf(["data: 1\n\n"], { open: true }), { signal, onEvent: () => false });

  assertEqual(0, listeners);
});

test("a whole body is read as one text, bytes that are no UTF-8 and all, up to its limit", async () => {
  const pieces = [Uint8Array.of(0xff), ...cutAt(bytesOf("żółć"), [1, 4]), Uint8Array.of(0xf0, 0x9f)];

  assertEqual("\uFFFDżółć\uFFFD", await readText(bodyOf(pieces)));
  assertEqual("", await readText(null));
  assert((await assertThrows(() => readText(bodyOf(["12345", "6"]), { maxChars: 5 }))) instanceof RangeError);
});
