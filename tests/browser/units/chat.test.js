import { keyWanted } from "/ui/app/session.js";
import { change } from "/ui/app/settings.js";
import { startRun } from "/ui/app/stream/run.js";
import { chatTest, exchange, idOf, last, open, send, shown, sleep } from "./chat_support.js";
import { assert, assertEqual, until } from "./harness.js";

chatTest("a question is answered, and the answer is stored with how it went", async (world) => {
  const chat = await world.tab();

  assertEqual(true, await send(chat, "  Hello\nthere "));
  const run = await world.run(1);
  run.state("streaming");
  assertEqual("connecting", last(chat).status);
  assertEqual("streaming", open(chat).live.value?.status.value);
  run.say("Hi");
  run.say(" you");
  run.deliver({ kind: "usage", usage: { input: 3, output: 4, reasoning: 0, cached: 0, costUsd: null } });
  run.deliver({ kind: "finish", reason: "stop" });
  assertEqual(["user:   Hello\nthere ", "assistant: Hi you"], shown(chat));
  run.done();

  assertEqual(null, open(chat).live.value);
  const { status, content, finish, usage, model, timing } = last(chat);
  assertEqual(["done", "Hi you", "stop", 11, "m"], [status, content, finish, usage?.costUsd, model]);
  assert(timing?.firstMs !== null);
  await until(async () => (await world.store.messages(idOf(chat))).at(-1)?.status === "done");
  const [, stored] = await world.store.messages(idOf(chat));
  assertEqual(last(chat), stored);
  assertEqual(["Hello there"], chat.threads.value.map(({ opening }) => opening));
});

chatTest("the request has the path, the model and the settings of the thread", async (world) => {
  const chat = await world.tab();
  await chat.setModel(idOf(chat), "mine");
  await chat.setSystem(idOf(chat), "Be brief.");
  await chat.setParameters(idOf(chat), { temperature: 0.5 });
  assertEqual([], chat.threads.value, "nothing was said yet");
  await exchange(world, chat, "One", "First");
  await send(chat, "Two");

  const { request } = await world.run(2);
  const body = typeof request.body === "function" ? await request.body() : request.body;

  const { model, temperature, messages } = /** @type {any} */ (body);
  assertEqual(["mine", 0.5], [model, temperature]);
  assertEqual(
    ["system Be brief.", "user One", "assistant First", "user Two"],
    messages.map((/** @type {any} */ { role, content }) => `${role} ${content}`),
  );
  assertEqual(30_000, request.lifeTimeoutMs);
});

for (const [how, status] of /** @type {const} */ ([["stop", "stopped"], ["fail", "failed"]])) {
  chatTest(`an answer that is ${status} keeps its text and its reason`, async (world) => {
    const chat = await world.tab();
    await send(chat, "Hi");
    const run = await world.run(1);
    run.say("Half of");

    if (how === "stop") open(chat).stop();
    else run.fail("NETWORK_ERROR");

    assertEqual(["Half of", status, how === "fail" ? "NETWORK_ERROR" : undefined], [
      last(chat).content,
      last(chat).status,
      last(chat).failure?.code,
    ]);
    await until(async () => (await world.store.messages(idOf(chat)))[1]?.status === status);
  });
}

chatTest("a stopped answer does not grow", async (world) => {
  const chat = await world.tab();
  await send(chat, "Hi");
  const run = await world.run(1);
  run.say("Half");
  open(chat).stop();
  run.say(" more");
  await sleep(60);

  assertEqual("Half", last(chat).content);
  assertEqual("Half", (await world.store.messages(idOf(chat)))[1].content);
});

chatTest("an answer that is coming is stored as far as it is, in few writes", async (world) => {
  const chat = await world.tab({ pace: { saveMs: 100 } });
  let writes = 0;
  const { put } = chat.store;
  chat.store.put = (rows) => {
    writes += 1;
    return put(rows);
  };
  await send(chat, "Hi");
  const run = await world.run(1);
  for (let n = 0; n < 200; n += 1) {
    run.say("x");
    if (n % 20 === 0) await sleep(5);
  }

  await until(async () => (await world.store.messages(idOf(chat)))[1].content.length === 200);
  assert(writes <= 6, `${writes} writes`);
});

chatTest("a subscriber that throws is reported, and the whole text is kept", async (world) => {
  const events = ["a", "b", "c"].map((content) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`);
  const fetch = async () =>
    new Response(`${events.join("")}data: [DONE]\n\n`, { headers: { "content-type": "text/event-stream" } });
  const chat = await world.tab({ startRun: (request, callbacks) => startRun({ ...request, fetch }, callbacks) });
  const stop = open(chat).live.subscribe((live) => {
    live?.subscribe(() => {
      throw new Error("painter broke");
    });
  });

  await send(chat, "Hi");
  await until(() => last(chat).status === "failed");
  stop();

  assertEqual(["abc", "CALLBACK_ERROR"], [last(chat).content, last(chat).failure?.code]);
});

chatTest("a refused key is asked for", async (world) => {
  const chat = await world.tab();
  keyWanted.value = false;
  await send(chat, "Hi");

  (await world.run(1)).fail("HTTP_401");

  assertEqual(true, keyWanted.value);
  keyWanted.value = false;
});

chatTest("while an answer comes nothing else is sent, and the draft stays", async (world) => {
  const chat = await world.tab();
  await send(chat, "One");
  await world.run(1);
  open(chat).setDraft("Two");

  assertEqual(false, await send(chat, "Two"));
  assertEqual(false, await open(chat).retry(last(chat)));
  assertEqual(false, await open(chat).continueAnswer(last(chat)));

  assertEqual(["Two", 1, null], [open(chat).draft.value, world.runs.length, open(chat).queued.value]);
});

chatTest("a double click sends once", async (world) => {
  const chat = await world.tab();

  const sent = await Promise.all([send(chat, "One"), send(chat, "One")]);

  assertEqual([true, false], sent);
  assertEqual(1, world.runs.length);
});

chatTest("who types on has one message waiting, which is sent when the answer is done", async (world) => {
  change({ typeOn: true });
  const chat = await world.tab();
  await send(chat, "One");
  const run = await world.run(1);

  assertEqual([true, false], [await send(chat, "Two"), await send(chat, "Three")]);
  assertEqual(["Two", ""], [open(chat).queued.value?.text, open(chat).draft.value]);
  await until(async () => (await world.store.draft(idOf(chat))) === "Two", "what waits is not stored");
  run.say("First");
  run.done();
  await world.run(2);

  assertEqual(["user: One", "assistant: First", "user: Two", "assistant: "], shown(chat));
  assertEqual(null, open(chat).queued.value);
  await until(async () => (await world.store.draft(idOf(chat))) === "");
  change({ typeOn: false });
});

chatTest("what waits goes back to the draft when the answer does not end well", async (world) => {
  change({ typeOn: true });
  const chat = await world.tab();
  await send(chat, "One");
  await send(chat, "Two");
  open(chat).setDraft("and more");

  open(chat).stop();

  assertEqual(["Two\n\nand more", null, 1], [open(chat).draft.value, open(chat).queued.value, world.runs.length]);
  change({ typeOn: false });
});

chatTest("two threads are answered at once; one that was left is live when it is shown again", async (world) => {
  const chat = await world.tab();
  await send(chat, "One");
  const [first, run] = [idOf(chat), await world.run(1)];
  run.say("Fir");
  await chat.show(null);
  await send(chat, "Two");
  const second = idOf(chat);

  run.say("st");
  assertEqual(new Set([first, second]), chat.liveThreads.value);
  await chat.show(first);
  assertEqual(["user: One", "assistant: First"], shown(chat));
  assertEqual(true, open(chat).live.value?.mine);
  await chat.show(second);
  run.done();
  assertEqual(new Set([second]), chat.liveThreads.value);
  await chat.show(first);

  assertEqual(["done", "First"], [last(chat).status, last(chat).content]);
});

chatTest("of two threads that are shown in haste, the last one is", async (world) => {
  const chat = await world.tab();
  await exchange(world, chat, "One", "First");
  const first = idOf(chat);
  await chat.show(null);
  await exchange(world, chat, "Two", "Second");
  const second = idOf(chat);
  const { messages } = chat.store;
  await chat.show(null);
  chat.store.messages = async (id) => {
    if (id === first) await sleep(40);
    return messages(id);
  };

  await Promise.all([chat.show(first), chat.show(second)]);
  assertEqual(["user: Two", "assistant: Second"], shown(chat));
  await Promise.all([chat.show(second), chat.show(first), chat.show(second), chat.show(first)]);
  assertEqual(["user: One", "assistant: First"], shown(chat));
  open(chat).setDraft("kept");
  await until(async () => (await world.store.draft(first)) === "kept", "it was closed");
});

chatTest("a thread that is not there is said to be missing", async (world) => {
  const chat = await world.tab();

  await chat.show("nobody");

  assertEqual(["THREAD_MISSING"], chat.notices.value.map(({ code }) => code));
  assertEqual([], shown(chat));
});

chatTest("search finds titles and texts, each thread once", async (world) => {
  const chat = await world.tab();
  await exchange(world, chat, "About whales", "They sing whales' songs");
  await chat.show(null);
  await exchange(world, chat, "About birds", "Unlike whales they fly");

  const found = await chat.search("WHALES");

  assertEqual(["About whales: ", "About birds: Unlike whales they fly"], found.map(({ thread, excerpt }) => `${thread.opening}: ${excerpt}`));
  assertEqual([], await chat.search("  "));
});

chatTest("threads are listed pinned first, then by when they were used", async (world) => {
  let at = 1_000;
  const chat = await world.tab({ now: () => (at += 10) });
  const ids = [];
  for (const text of ["One", "Two", "Three"]) {
    await chat.show(null);
    await exchange(world, chat, text, "Yes");
    ids.push(idOf(chat));
  }

  await chat.pin(ids[0], true);
  await chat.rename(ids[1], "  A new\n name ");

  assertEqual(["One", "Three", "Two"], chat.threads.value.map(({ opening }) => opening));
  assertEqual("A new name", chat.threads.value[2].title);
});
