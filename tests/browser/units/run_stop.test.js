import { startRun } from "/ui/app/stream/run.js";
import { assertEqual, test, until } from "./harness.js";
import { DONE, STOP, endOf, says, settled, start, streamed } from "./runs.js";
import { bodyOf, chunk, event } from "./streams.js";

/** @typedef {import("/ui/app/types.js").Outcome} Outcome */

test("an abort that nobody here asked for, as when the page is closed, is a loss and not a stop", async () => {
  const gone = new DOMException("The user aborted a request.", "AbortError");

  assertEqual(["failed", "NETWORK_ERROR"], await endOf(start(() => Promise.reject(gone))));
  assertEqual(["failed", "NETWORK_ERROR"], await endOf(start(() => streamed(bodyOf([says("Half")], { error: gone })))));
});

test("stop keeps what came, and nothing comes after it", async () => {
  let cancelled = 0;
  const body = bodyOf([says("One"), says("Two"), says("Three")], { open: true, onCancel: () => (cancelled += 1) });
  const started = start(() => streamed(body), {
    onDelta(delta) {
      if (delta.kind === "content" && delta.text === "Two") started.run.stop();
    },
  });

  assertEqual(["stopped", ""], await endOf(started));

  await settled();
  assertEqual(["OneTwo", 1, false], [started.text(), cancelled, body.locked]);
});

test("stop in the middle of a chunk holds back the rest of it", async () => {
  const both = event(chunk({ reasoning_content: "Hm", content: "Hi" }, "stop"));
  const started = start(() => streamed(bodyOf([both, DONE])), {
    onDelta: (delta) => delta.kind === "reasoning" && started.run.stop(),
  });

  assertEqual(["stopped", ""], await endOf(started));
  assertEqual(
    ["served", "reasoning"],
    started.deltas.map((delta) => delta.kind),
  );
});

test("stop when the first token is told of holds that token back", async () => {
  const started = start(() => streamed(bodyOf([says("One")], { open: true })), {
    onState: (status) => status === "streaming" && started.run.stop(),
  });

  assertEqual(["stopped", ""], await endOf(started));
  assertEqual("", started.text());
});

test("stop before the headers aborts the request", async () => {
  const started = start(() => new Promise(() => {}));
  await until(() => started.sent.length === 1);

  started.run.stop();

  assertEqual(["stopped", ""], await endOf(started));
  assertEqual(true, started.sent[0].init.signal?.aborted);
  assertEqual(["connecting"], started.states);
});

test("stop before anything was sent sends nothing", async () => {
  const at_once = start(() => streamed(DONE));
  at_once.run.stop();
  /** @type {(body: object) => void} */
  let give = () => {};
  const building = start(() => streamed(DONE), { body: () => new Promise((resolve) => (give = resolve)) });
  await settled();
  building.run.stop();
  give({ stream: true });

  assertEqual(["stopped", ""], await endOf(at_once));
  assertEqual(["stopped", ""], await endOf(building));

  await settled();
  assertEqual([0, 0, 0], [at_once.sent.length, building.sent.length, building.time.made()]);
});

test("stop twice, or after the end, is harmless", async () => {
  const twice = start(() => new Promise(() => {}));
  const ended = start(() => streamed(bodyOf([says("a"), DONE])));
  await ended.run.done;

  twice.run.stop();
  twice.run.stop();
  ended.run.stop();
  ended.run.stop();

  assertEqual(["stopped", ""], await endOf(twice));
  assertEqual(["done", ""], await endOf(ended));
});

test("an answer to a request that ignored the stop is let go unread", async () => {
  /** @type {(response: Response) => void} */
  let give = () => {};
  let cancelled = 0;
  const started = start(() => new Promise((resolve) => (give = resolve)));
  await until(() => started.sent.length === 1);
  started.run.stop();
  await started.run.done;

  give(streamed(bodyOf([says("late")], { open: true, onCancel: () => (cancelled += 1) })));
  await settled();

  assertEqual([["connecting"], [], 1, 0], [started.states, started.deltas, cancelled, started.time.pending()]);
});

test("a callback that throws loses no delta, and the end tells of the first", async () => {
  let calls = 0;
  const started = start(() => streamed(bodyOf([says("a"), says("b"), says("c"), STOP, DONE])), {
    onDelta() {
      calls += 1;
      throw new Error(`broken ${calls}`);
    },
  });

  assertEqual(["failed", "CALLBACK_ERROR"], await endOf(started));

  assertEqual(["abc", "broken 1"], [started.text(), started.ends[0].failure?.detail]);
});

test("a callback of states that throws is told of too, after a stop as well", async () => {
  const fails = () => {
    throw "broken";
  };
  const ended = start(() => streamed(bodyOf([says("a"), DONE])), { onState: fails });
  const stopped = start(() => new Promise(() => {}), { onState: fails });
  await until(() => stopped.sent.length === 1);
  stopped.run.stop();

  for (const started of [ended, stopped]) {
    assertEqual(["failed", "CALLBACK_ERROR"], await endOf(started));
    assertEqual("broken", started.ends[0].failure?.detail);
  }
});

test("a run that failed worse tells of that, not of the callback", async () => {
  const started = start(() => streamed(bodyOf([says("a")])), {
    onDelta() {
      throw new Error("broken");
    },
  });

  assertEqual(["failed", "NETWORK_ERROR"], await endOf(started));
});

test("an end that throws is called once, and `done` tells of it", async () => {
  const { run, ends } = start(() => streamed(DONE), {
    onEnd() {
      throw new Error("broken");
    },
  });

  const outcome = await run.done;

  assertEqual(["done", "failed", "CALLBACK_ERROR"], [ends[0].status, outcome.status, outcome.failure?.code]);
  assertEqual(1, ends.length);
});

test("without its three callbacks a run sends nothing and says what is missing", async () => {
  let sent = 0;
  /** @type {Outcome[]} */
  const ends = [];
  const request = {
    body: {},
    lifeTimeoutMs: 1,
    fetch: async () => {
      sent += 1;
      return new Response();
    },
  };
  const fine = { onState() {}, onDelta() {}, onEnd: (/** @type {Outcome} */ outcome) => void ends.push(outcome) };
  /** @type {[any, string][]} */
  const cases = [
    [{ ...fine, onDelta: undefined }, "onDelta"],
    [{ ...fine, onState: "x", onDelta: null }, "onState, onDelta"],
    [{ ...fine, onEnd: 1 }, "onEnd"],
    [undefined, "onState, onDelta, onEnd"],
  ];

  for (const [callbacks, missing] of cases) {
    const run = startRun(request, callbacks);
    run.stop();
    const { status, failure } = await run.done;

    assertEqual(["failed", "INVALID_CALLBACK", missing], [status, failure?.code, failure?.detail]);
  }
  assertEqual([0, 2], [sent, ends.length]);
});

test("no callback is called before the run is in the caller's hands", async () => {
  const started = start(() => streamed(DONE));

  assertEqual([], started.states);

  await started.run.done;
});

test("a request that cannot be put together is not sent, and says why", async () => {
  const broken = start(() => streamed(DONE), { body: () => Promise.reject(new Error("The picture is gone.")) });

  assertEqual(["failed", "CALLBACK_ERROR"], await endOf(broken));
  assertEqual(["request", 0], [broken.ends[0].failure?.type, broken.sent.length]);
  assertEqual("The picture is gone.", broken.ends[0].failure?.detail);
});
