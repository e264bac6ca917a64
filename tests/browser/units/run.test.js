import { assertEqual, test } from "./harness.js";
import { DONE, STOP, endOf, says, start, streamed } from "./runs.js";
import { bodyOf, bytesOf, chunk, cutAt, event, placesIn } from "./streams.js";

test("a stream: every state, every delta, and the end", async () => {
  const usage = event({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } });
  const started = start(() => streamed(bodyOf([": keep-alive\n\n", says("Hel"), says("lo"), STOP, usage, DONE])));

  assertEqual(["done", ""], await endOf(started));

  assertEqual(["connecting", "waiting", "streaming"], started.states);
  assertEqual(
    ["served", "content", "content", "finish", "usage"],
    started.deltas.map((delta) => delta.kind),
  );
  const served = { provider: "p", model: "m", requestId: "req_1" };
  assertEqual({ kind: "served", servedBy: served }, started.deltas[0]);
});

test("the request is sent as it was given, once", async () => {
  const { run, sent } = start(() => streamed(DONE));
  await run.done;

  const { url, init } = sent[0];

  assertEqual([1, "/v1/chat/completions", "POST"], [sent.length, url, init.method]);
  assertEqual({ model: "m", messages: [], stream: true }, JSON.parse(String(init.body)));
  assertEqual([["content-type", "application/json"]], [...new Headers(init.headers)]);
});

test("an answer that is not streamed takes the same way", async () => {
  const completion = {
    choices: [{ index: 0, message: { content: "Hello", reasoning_content: "Hm" }, finish_reason: "stop" }],
  };
  const body = async () => ({ model: "m", messages: [], stream: false });
  const started = start(() => Response.json(completion), { body });

  assertEqual(["done", ""], await endOf(started));

  assertEqual(["connecting", "waiting", "streaming"], started.states);
  assertEqual(
    ["reasoning", "content", "finish"],
    started.deltas.map((delta) => delta.kind),
  );
  assertEqual(false, JSON.parse(String(started.sent[0].init.body)).stream);
});

test("however the bytes are cut, the deltas are the same", async () => {
  const thought = event(chunk({ reasoning_content: "żółć 😀" }));
  const call = event(chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: "{}" } }] }));
  const bytes = bytesOf(`: x\r\n\r\n${thought}${says("日本\n")}${call}${STOP}${DONE}`.replaceAll("\n\n", "\r\n\r\n"));
  const whole = start(() => streamed(bodyOf([bytes])));
  await whole.run.done;

  for (let seed = 1; seed <= 100; seed += 1) {
    const started = start(() => streamed(bodyOf(cutAt(bytes, placesIn(bytes.length, seed)))));

    assertEqual(["done", ""], await endOf(started));
    assertEqual(whole.deltas, started.deltas, `seed ${seed}`);
  }
});

test("a whole answer to a request for a stream is taken, a stream where none was asked for too", async () => {
  const completion = { choices: [{ message: { content: "Hello" } }] };
  const one = start(() => Response.json(completion));
  const other = start(() => streamed(bodyOf([says("Hello"), DONE])), { body: { stream: false } });

  assertEqual(["done", ""], await endOf(one));
  assertEqual(["done", ""], await endOf(other));

  assertEqual(["Hello", "Hello"], [one.text(), other.text()]);
});

test("a stream that ends with neither a finish nor [DONE] was lost, and its text is kept", async () => {
  const started = start(() => streamed(bodyOf([says("Half"), 'data: {"cho'])));

  assertEqual(["failed", "NETWORK_ERROR"], await endOf(started));

  assertEqual("Half", started.text());
  assertEqual("req_1", (await started.run.done).failure?.requestId);
});

test("once the finish has come, the answer is whole, however the connection ends", async () => {
  const error = new TypeError("network error");
  const ends = [bodyOf([says("All"), STOP]), bodyOf([says("All"), STOP], { error })];

  for (const body of ends) assertEqual(["done", ""], await endOf(start(() => streamed(body))));
});

test("a finish other than stop is no failure", async () => {
  for (const reason of ["length", "content_filter"]) {
    assertEqual(
      ["done", ""],
      await endOf(start(() => streamed(bodyOf([event(chunk({ content: "x" }, reason)), DONE])))),
    );
  }
});

test("nothing after [DONE] is read, and the body is let go", async () => {
  let cancelled = 0;
  const body = bodyOf([says("a") + DONE + says("b")], { open: true, onCancel: () => (cancelled += 1) });
  const started = start(() => streamed(body));

  assertEqual(["done", ""], await endOf(started));

  assertEqual(["a", 1, false], [started.text(), cancelled, body.locked]);
});

test("a connection that is lost midway is a network error with what the browser said", async () => {
  const started = start(() => streamed(bodyOf([says("Half")], { error: new TypeError("network error") })));

  assertEqual(["failed", "NETWORK_ERROR"], await endOf(started));

  assertEqual("network error", (await started.run.done).failure?.detail);
  assertEqual("Half", started.text());
});

test("without a network connection the failure says so", async () => {
  Object.defineProperty(navigator, "onLine", { get: () => false, configurable: true });
  try {
    const { run } = start(() => Promise.reject(new TypeError("Failed to fetch")));

    const { failure } = await run.done;

    assertEqual(["NETWORK_ERROR", "offline"], [failure?.code, failure?.type]);
  } finally {
    Reflect.deleteProperty(navigator, "onLine");
  }
});

test("a chunk that cannot be read ends the answer, with the line as it came and the text before it", async () => {
  for (const bad of ['{"choices": [{oops', "5", "null", '"text"', "not JSON"]) {
    const started = start(() => streamed(bodyOf([says("Half"), `data: ${bad}\n\n`, says("never"), DONE])));

    assertEqual(["failed", "PARSE_ERROR"], await endOf(started), bad);

    const { failure } = await started.run.done;
    assertEqual([bad, "Half", "req_1"], [failure?.raw, started.text(), failure?.requestId]);
  }
});

test("of an endless bad line 2,000 characters are kept", async () => {
  const { run } = start(() => streamed(bodyOf([`data: ${"x".repeat(50_000)}\n\n`])));

  assertEqual(2000, (await run.done).failure?.raw.length);
});

test("an event over 16 MB is a parse error, and the text before it is kept", async () => {
  const mega = new Uint8Array(1 << 20).fill(0x78);
  const started = start(() => streamed(bodyOf([says("Half"), "data: ", ...Array(17).fill(mega)], { open: true })));

  assertEqual(["failed", "PARSE_ERROR"], await endOf(started));

  assertEqual("Half", started.text());
});

test("a page, or JSON that is no answer, is a parse error with what came", async () => {
  const page = new Response("<html>Log in", { headers: { "content-type": "text/html" } });
  for (const response of [page, Response.json({ hello: 1 }), Response.json({ choices: [] }), new Response("")]) {
    const raw = await response.clone().text();
    const started = start(() => response);

    assertEqual(["failed", "PARSE_ERROR"], await endOf(started));

    assertEqual(raw, (await started.run.done).failure?.raw);
  }
});

test("blank events and those of other kinds are passed over", async () => {
  const started = start(() =>
    streamed(bodyOf(["data:\n\n", "data:  \n\n", 'data: {"type": "ping"}\n\n', says("a"), DONE])),
  );

  assertEqual(["done", ""], await endOf(started));
  assertEqual("a", started.text());
});

test("an error inside the stream ends it, with what came before and with it", async () => {
  const error = { message: "Too much", type: "overloaded_error", param: null, code: "overloaded" };
  const last = event({ error, choices: [{ delta: { content: "way" } }] });
  const started = start(() => streamed(bodyOf([says("Half"), last, says("never")])));

  assertEqual(["failed", "STREAM_ERROR"], await endOf(started));

  const { failure } = await started.run.done;
  assertEqual(["overloaded", "Too much", "req_1"], [failure?.type, failure?.detail, failure?.requestId]);
  assertEqual("Halfway", started.text());
});

test("an error in a whole answer under status 200 is an error too", async () => {
  const { run } = start(() => Response.json({ error: { message: "no", code: "upstream_error" } }), {
    body: { stream: false },
  });

  const { failure } = await run.done;

  assertEqual(["STREAM_ERROR", "upstream_error"], [failure?.code, failure?.type]);
});

test("a refusal is told by its status", async () => {
  const body = JSON.stringify({ error: { message: "Slow down", code: "rate_limit_exceeded" } });
  const headers = { "retry-after": "20", "x-request-id": "req_9" };
  const started = start(() => new Response(body, { status: 429, headers }));

  assertEqual(["failed", "HTTP_429"], await endOf(started));

  const { failure } = await started.run.done;
  assertEqual([1_020_000, "Slow down", "req_9"], [failure?.retryAt, failure?.detail, failure?.requestId]);
  assertEqual([["connecting", "waiting"], []], [started.states, started.deltas]);
});

test("a refusal whose words are lost or endless is still told by its status", async () => {
  let cancelled = 0;
  const lost = bodyOf(["{"], { error: new TypeError("lost") });
  const long = bodyOf(Array(20).fill(new Uint8Array(1 << 18)), { open: true, onCancel: () => (cancelled += 1) });

  for (const body of [lost, long, null]) {
    assertEqual(["failed", "HTTP_502"], await endOf(start(() => new Response(body, { status: 502 }))));
  }
  assertEqual(1, cancelled);
});
