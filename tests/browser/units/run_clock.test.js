import { startRun } from "/ui/app/stream/run.js";
import { assert, assertEqual, test, until } from "./harness.js";
import { DONE, STOP, endOf, says, settled, start, streamed } from "./runs.js";
import { bodyOf, bytesOf, chunk, event } from "./streams.js";

test("30 seconds without a sign of life end the answer, with its text kept", async () => {
  let cancelled = 0;
  const body = bodyOf([says("Half")], { open: true, onCancel: () => (cancelled += 1) });
  const started = start(() => streamed(body));
  await until(() => started.text() === "Half");

  await started.time.pass(29_999);
  assertEqual([], started.ends);
  await started.time.pass(1);

  assertEqual(["failed", "STREAM_TIMEOUT"], await endOf(started));
  assertEqual("req_1", started.ends[0].failure?.requestId);
  assertEqual(["Half", 1, false], [started.text(), cancelled, body.locked]);
});

test("no answer at all within the time ends the wait, and aborts the request", async () => {
  const started = start(() => new Promise(() => {}), { lifeTimeoutMs: 5000 });
  await until(() => started.sent.length === 1);

  await started.time.pass(5000);

  assertEqual(["failed", "STREAM_TIMEOUT"], await endOf(started));
  assertEqual(true, started.sent[0].init.signal?.aborted);
});

test("comments, reasoning, tool calls, half an event and the headers are signs of life", async () => {
  /** @type {(sign: string) => void} */
  let send = () => {};
  const body = new ReadableStream({ start: (controller) => void (send = (sign) => controller.enqueue(bytesOf(sign))) });
  /** @type {(response: Response) => void} */
  let give = () => {};
  const started = start(() => new Promise((resolve) => (give = resolve)));
  await until(() => started.sent.length === 1);
  await started.time.pass(29_000);
  give(streamed(body));
  await settled();
  const call = event(chunk({ tool_calls: [{ index: 0, function: { arguments: "{" } }] }));

  for (const sign of [": keep-alive\n\n", event(chunk({ reasoning_content: "Hm" })), call, "data: {", '"a": 1}\n\n']) {
    await started.time.pass(29_000);
    send(sign);
    await settled();
  }
  await started.time.pass(29_000);
  send(DONE);

  assertEqual(["done", ""], await endOf(started));
});

test("silence after the finish loses only the usage", async () => {
  const started = start(() => streamed(bodyOf([says("All"), STOP], { open: true })));
  await until(() => started.deltas.length === 3);

  await started.time.pass(30_000);

  assertEqual(["done", ""], await endOf(started));
});

test("an answer that is not streamed may take as long as it takes, but not to be sent once it is there", async () => {
  /** @type {(response: Response) => void} */
  let give = () => {};
  const started = start(() => new Promise((resolve) => (give = resolve)), { body: { stream: false } });
  await until(() => started.sent.length === 1);
  await started.time.pass(3_600_000);
  give(new Response(bodyOf(["{"], { open: true }), { headers: { "content-type": "application/json" } }));
  await settled();
  assertEqual([], started.ends);

  await started.time.pass(30_000);

  assertEqual(["failed", "STREAM_TIMEOUT"], await endOf(started));
});

test("a machine that slept is given a moment to read what came meanwhile", async () => {
  const answered = start(() => new Promise((resolve) => (give = resolve)));
  /** @type {(response: Response) => void} */
  let give = () => {};
  const silent = start(() => new Promise(() => {}));
  await until(() => answered.sent.length + silent.sent.length === 2);

  answered.time.jump(3_600_000);
  silent.time.jump(3_600_000);
  await answered.time.pass(0);
  await silent.time.pass(0);
  assertEqual([0, 0], [answered.ends.length, silent.ends.length]);
  give(streamed(bodyOf([says("Back"), DONE])));
  await silent.time.pass(1000);

  assertEqual(["done", ""], await endOf(answered));
  assertEqual(["failed", "STREAM_TIMEOUT"], await endOf(silent));
});

test("a long upload is given more time than the answer to it", async () => {
  const started = start(() => new Promise(() => {}), { body: { stream: true, picture: "x".repeat(11 << 20) } });
  await until(() => started.sent.length === 1);

  await started.time.pass(60_000);
  assertEqual(0, started.ends.length);
  await started.time.pass(60_000);

  assertEqual(["failed", "STREAM_TIMEOUT"], await endOf(started));
});

test("the browser's own fetch and clock are used where none are given", async () => {
  const genuine = globalThis.fetch;
  globalThis.fetch = async function () {
    assert(this === undefined || this === globalThis, "called on a foreign object");
    return streamed(bodyOf([says("a"), DONE]));
  };
  try {
    const callbacks = { onState() {}, onDelta() {}, onEnd() {} };

    const outcome = await startRun({ body: { stream: true }, lifeTimeoutMs: 1000 }, callbacks).done;

    assertEqual({ status: "done", failure: null }, outcome);
  } finally {
    globalThis.fetch = genuine;
  }
});
