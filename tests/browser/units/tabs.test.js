import { change } from "/ui/app/settings.js";
import { openChannel } from "/ui/app/tabs/channel.js";
import { locks } from "/ui/app/tabs/lock.js";
import { NO_LOCKS, QUICK, chatTest, exchange, idOf, last, open, send, shown, sleep } from "./chat_support.js";
import { assert, assertEqual, until } from "./harness.js";

/** @typedef {import("/ui/app/chat/chat.js").Chat} Chat */

/**
 * Look on from another tab.
 *
 * @param {import("./chat_support.js").World} world
 * @param {string} id
 * @param {Partial<import("/ui/app/chat/parts.js").Given>} [given]
 * @returns {Promise<Chat>}
 */
async function lookOn(world, id, given) {
  const chat = await world.tab(given);
  await chat.show(id);
  return chat;
}

/** @param {Chat} chat */
const text = (chat) => (open(chat).live.value?.message ?? last(chat)).content;

/**
 * Write down an answer as a view would paint it.
 *
 * @param {Chat} chat
 */
function paint(chat) {
  const painted = { text: "", doubles: 0 };
  let stop = () => {};
  open(chat).live.subscribe((live) => {
    stop();
    if (!live) return;
    painted.text = live.message.content;
    stop = live.subscribe((delta) => (painted.text += delta.kind === "content" ? delta.text : ""));
  });
  return painted;
}

for (const [where, given] of /** @type {const} */ ([["", {}], [" without locks", { locks: NO_LOCKS }]])) {
  chatTest(`a second tab joins midway and sees every piece once${where}`, async (world) => {
    const owner = await world.tab(given);
    await send(owner, "Hi");
    const run = await world.run(1);
    run.state("streaming");
    let said = "";
    const speak = (/** @type {number} */ from, /** @type {number} */ to) => {
      for (let n = from; n < to; n += 1) {
        run.say(`w${n} `);
        said += `w${n} `;
      }
    };
    speak(0, 100);
    const looking = await world.tab(given);
    const showing = looking.show(idOf(owner));
    for (let n = 100; n < 200; n += 1) {
      speak(n, n + 1);
      if (n % 10 === 0) await sleep(1);
    }
    await showing;
    await until(() => open(looking).live.value !== null);
    const painted = paint(looking);
    speak(200, 300);
    await until(() => text(looking) === said);

    assertEqual(said, painted.text);
    assertEqual([false, "streaming"], [open(looking).live.value?.mine, open(looking).live.value?.status.value]);
    run.done();
    await until(() => open(looking).live.value === null);
    assertEqual(last(owner), last(looking));
    assertEqual(1, world.runs.length);
  });

  chatTest(`stop works in the tab that looks on${where}`, async (world) => {
    const owner = await world.tab(given);
    await send(owner, "Hi");
    const run = await world.run(1);
    run.say("Half");
    const looking = await lookOn(world, idOf(owner), given);
    await until(() => open(looking).live.value !== null);

    open(looking).stop();

    await until(() => open(looking).live.value === null);
    assertEqual(true, run.stopped);
    assertEqual(["stopped", "Half"], [last(looking).status, last(looking).content]);
    assertEqual("stopped", last(owner).status);
  });
}

chatTest("a step that is lost is asked for again", async (world) => {
  const owner = await world.tab();
  await send(owner, "Hi");
  const run = await world.run(1);
  const looking = await lookOn(world, idOf(owner));
  await until(() => open(looking).live.value !== null);
  const painted = paint(looking);
  // Another tab's end of the channel says what this run has not said yet: a step from the future.
  run.say("a");
  const channel = openChannel(world.name);
  let runName = "";
  let asked = 0;
  const off = channel.onMessage((message) => {
    if (message.type === "live") runName = message.run;
    if (message.type === "ask") asked += 1;
  });
  await until(() => runName !== "" && painted.text === "a");

  channel.post({ type: "step", thread: idOf(owner), run: runName, seq: 90, delta: { kind: "content", text: "future" } });
  await until(() => asked > 0);
  for (const piece of ["b", "c"]) run.say(piece);
  await until(() => text(looking) === "abc");

  assertEqual("abc", painted.text);
  off();
  channel.close();
});

chatTest("when the owner's tab is closed one other goes on with the answer, and the rest follow", async (world) => {
  const owner = await world.tab({ pace: { saveMs: 60_000 } });
  await send(owner, "Hi");
  const first = await world.run(1);
  const id = idOf(owner);
  const others = [await lookOn(world, id), await lookOn(world, id)];
  for (const piece of ["Once ", "upon ", "a "]) first.say(piece);
  await until(() => others.every((chat) => text(chat) === "Once upon a "));
  const painted = others.map(paint);
  let stored = "";
  others.forEach(({ store }) => {
    const { put } = store;
    store.put = (rows) => {
      stored ||= rows.messages?.[0]?.content ?? "";
      return put(rows);
    };
  });

  await owner.close();
  const second = await world.run(2);
  assertEqual("Once upon a ", stored, "what was seen is stored first");
  const body = /** @type {any} */ (await /** @type {() => Promise<object>} */ (second.request.body)());
  assertEqual("Once upon a ", body.messages[1].content);
  second.say("time");
  await until(() => others.every((chat) => text(chat) === "Once upon a time"));
  assertEqual([1, 1], [others.filter((chat) => open(chat).live.value?.mine).length, others.filter((chat) => !open(chat).live.value?.mine).length]);
  second.done();
  await until(() => others.every((chat) => last(chat).status === "done"));

  assertEqual(["Once upon a time", "Once upon a time"], painted.map((one) => one.text));
  assertEqual(["Once upon a time", "Once upon a time"], others.map((chat) => last(chat).content));
  assertEqual(2, world.runs.length);
});

/**
 * Another tab that owns an answer in a thread that is there already, as far as its lock, its messages and the stored row
 * show it.
 *
 * @param {import("./chat_support.js").World} world
 */
async function ownerElsewhere(world) {
  const chat = await world.tab();
  await exchange(world, chat, "Hi", "Yes");
  const id = idOf(chat);
  const thread = await world.store.thread(id);
  assert(thread);
  const row = { ...last(chat), id: "row", content: "Part", status: /** @type {const} */ ("streaming"), created: Date.now() };
  await world.store.put({ threads: [{ ...thread, head: "row" }], messages: [row] });
  await chat.close();
  const channel = openChannel(world.name);
  const state = { message: { ...row, content: "Part of it" }, status: row.status, startedAt: 0, firstAt: 0, tokens: 1 };
  channel.onMessage((message) => {
    if (message.type === "ask") channel.post({ type: "snapshot", thread: id, to: message.from, run: "r", seq: 7, ...state });
  });
  const release = await locks.tryLock(`llms:run:${id}`);
  assert(release);
  return { id, row, channel, release };
}

chatTest("an owner that dies without a word is noticed, too", async (world) => {
  const owner = await ownerElsewhere(world);
  const looking = await lookOn(world, owner.id);
  await until(() => open(looking).live.value !== null);
  assertEqual(["Part of it", 1], [text(looking), world.runs.length]);

  owner.channel.close();
  owner.release();

  const run = await world.run(2);
  run.say(", and the rest");
  run.done();
  assertEqual(["Part of it, and the rest", "done"], [last(looking).content, last(looking).status]);
});

chatTest("an answer that has ended is not gone on with, though its owner was not heard to say so", async (world) => {
  const owner = await ownerElsewhere(world);
  const looking = await lookOn(world, owner.id);
  await until(() => open(looking).live.value !== null);

  await world.store.putMessage({ ...owner.row, content: "Part of it, and the rest", status: "done" });
  owner.channel.close();
  owner.release();

  await until(() => open(looking).live.value === null);
  assertEqual(["Part of it, and the rest", "done", 1], [last(looking).content, last(looking).status, world.runs.length]);
});

chatTest("nor is one whose end is heard a little after its lock was free", async (world) => {
  const owner = await ownerElsewhere(world);
  const looking = await lookOn(world, owner.id, { pace: { ...QUICK, graceMs: 60_000 } });
  await until(() => open(looking).live.value !== null);

  owner.release();
  await sleep(20);
  owner.channel.post({ type: "ended", thread: owner.id, run: "r", message: { ...owner.row, content: "All", status: "done" } });

  await until(async () => !(await locks.held(`llms:run:${owner.id}`)), "the lock is held on");
  assertEqual(["All", "done", 1], [last(looking).content, last(looking).status, world.runs.length]);
  owner.channel.close();
});

chatTest("an owner that is quiet is there as long as it has its lock", async (world) => {
  const owner = await ownerElsewhere(world);
  const other = await world.tab();
  owner.channel.post({ type: "live", thread: owner.id, run: "r" });
  await until(() => other.liveThreads.value.size === 1);

  await sleep(2 * (QUICK.goneMs ?? 0));
  assertEqual(1, other.liveThreads.value.size);
  owner.release();

  await until(() => other.liveThreads.value.size === 0);
  owner.channel.close();
});

chatTest("a tab that is opened is told at once what is coming", async (world) => {
  const owner = await world.tab({ pace: { beatMs: 60_000 } });
  await send(owner, "Hi");

  const late = await world.tab();

  await until(() => late.liveThreads.value.has(idOf(owner)));
});

chatTest("a tab that is opened as the owner dies does not go on by itself", async (world) => {
  const owner = await world.tab();
  await send(owner, "Hi");
  (await world.run(1)).say("Some words");
  const id = idOf(owner);
  await owner.close();
  const dying = await locks.tryLock(`llms:run:${id}`);

  const looking = await lookOn(world, id);
  await sleep(50);
  assertEqual("connecting", last(looking).status);
  dying?.();

  await until(() => last(looking).failure?.code === "INTERRUPTED");
  assertEqual(1, world.runs.length);
});

chatTest("without locks an owner that is silent is gone: the answer is interrupted, and nobody goes on by itself", async (world) => {
  const given = { locks: NO_LOCKS };
  const owner = await world.tab(given);
  await send(owner, "Hi");
  (await world.run(1)).say("Some words");
  const looking = await lookOn(world, idOf(owner), given);
  await until(() => open(looking).live.value !== null);
  await sleep(QUICK.goneMs ?? 0);
  assert(open(looking).live.value !== null, "it beats");

  await owner.close();

  await until(() => last(looking).status === "failed");
  assertEqual(["INTERRUPTED", "Some words", null], [last(looking).failure?.code, last(looking).content, open(looking).live.value]);
  assertEqual([1, new Set()], [world.runs.length, looking.liveThreads.value]);
});

chatTest("a tab that does not show the thread knows that it is live, and takes no pieces of it", async (world) => {
  const owner = await world.tab();
  await exchange(world, owner, "Hi", "Yes");
  const other = await world.tab();
  const id = idOf(owner);
  const channel = openChannel(world.name);
  let steps = 0;
  channel.onMessage((message) => (steps += message.type === "step" ? 1 : 0));
  await send(owner, "More");
  const run = await world.run(2);
  for (let n = 0; n < 50; n += 1) run.say("x");
  await until(() => other.liveThreads.value.has(id));
  await sleep(QUICK.goneMs ?? 0);
  assert(other.liveThreads.value.has(id), "it beats");

  assertEqual(0, steps, "nobody looks on");
  const late = await world.tab({ pace: { goneMs: 60_000 } });
  await until(() => late.liveThreads.value.has(id));
  run.done();
  await until(() => other.liveThreads.value.size === 0 && late.liveThreads.value.size === 0);
  channel.close();
});

chatTest("two tabs that send in one thread at once lose nothing and mix nothing", async (world) => {
  const one = await world.tab();
  await exchange(world, one, "Hi", "Yes");
  const two = await lookOn(world, idOf(one));
  const tabs = [one, two];

  await Promise.all([send(one, "From one"), send(two, "From two")]);
  const first = await world.run(2);
  first.say("aaa");
  await sleep(30);
  assertEqual(2, world.runs.length, "one waits");
  assertEqual(1, tabs.filter((chat) => open(chat).queued.value).length);
  first.done();
  const second = await world.run(3);
  second.say("bbb");
  second.done();

  await until(() => tabs.every((chat) => shown(chat).length === 6 && last(chat).status === "done"));
  assertEqual(shown(one), shown(two));
  assertEqual(["aaa", "bbb"], [shown(one)[3], shown(one)[5]].map((line) => line.replace("assistant: ", "")));
  assertEqual(["From one", "From two"], [shown(one)[2], shown(one)[4]].map((line) => line.replace("user: ", "")).sort());
});

chatTest("without locks two that send at once get branches of their own", async (world) => {
  const given = { locks: NO_LOCKS };
  const one = await world.tab(given);
  await exchange(world, one, "Hi", "Yes");
  const two = await lookOn(world, idOf(one), given);

  await Promise.all([send(one, "From one"), send(two, "From two")]);
  const runs = [await world.run(2), await world.run(3)];
  for (const run of runs) {
    run.say("answer");
    run.done();
  }

  await until(async () => (await world.store.messages(idOf(one))).filter(({ status }) => status === "done").length === 6);
  await until(() => open(one).messages.value.size === 6 && open(two).messages.value.size === 6);
  const questions = [...open(one).messages.value.values()].filter(({ content }) => content.startsWith("From"));
  assertEqual(1, new Set(questions.map(({ parent }) => parent)).size);
});

chatTest("what waits for another tab's answer is sent after it, though the thread was left", async (world) => {
  change({ typeOn: true });
  const one = await world.tab();
  await exchange(world, one, "Hi", "Yes");
  const two = await lookOn(world, idOf(one));
  await send(one, "First");
  const run = await world.run(2);
  await until(() => open(two).live.value !== null);
  assertEqual(true, await send(two, "Second"));
  await two.show(null);

  run.done();
  const next = await world.run(3);
  const body = /** @type {any} */ (await /** @type {() => Promise<object>} */ (next.request.body)());

  assertEqual("Second", body.messages.at(-1).content);
  await until(() => shown(one).at(-2) === "user: Second");
  change({ typeOn: false });
});

chatTest("a tab can ask at once after an answer, however many look on", async (world) => {
  const one = await world.tab();
  await exchange(world, one, "Hi", "Yes");
  const others = [await lookOn(world, idOf(one)), await lookOn(world, idOf(one)), await lookOn(world, idOf(one))];
  for (let n = 2; n < 6; n += 1) {
    await send(one, "Next");
    const run = await world.run(n);
    await until(() => others.every((chat) => open(chat).live.value));
    run.done();
    assertEqual(null, open(one).queued.value);
  }

  assertEqual(5, world.runs.length);
  assertEqual(0, one.notices.value.length);
});

chatTest("threads that are made, renamed, pinned and deleted in one tab are so in the other", async (world) => {
  const one = await world.tab();
  const two = await world.tab();
  await exchange(world, one, "Hi", "Yes");
  const id = idOf(one);
  await until(() => two.threads.value.length === 1);
  await two.show(id);
  await until(() => shown(two).length === 2);
  await one.rename(id, "Name");
  await one.pin(id, true);
  await until(() => two.threads.value[0].pinned && open(two).thread.value.title === "Name");
  await exchange(world, one, "More", "Yes");
  await until(() => shown(two).length === 4 && last(two).status === "done");

  await one.remove(id);
  await until(() => two.threads.value.length === 0 && shown(two).length === 0);
  one.notices.value[0].action?.run();
  await until(() => two.threads.value.length === 1);
  await one.remove(id);
  await until(async () => (await world.store.threads()).length === 0);
  assertEqual([], two.threads.value);
});

chatTest("deleting a thread in one tab stops its answer in the other", async (world) => {
  const one = await world.tab();
  await send(one, "Hi");
  const run = await world.run(1);
  run.say("Half");
  const two = await world.tab();
  await until(() => two.threads.value.length === 1);

  await two.remove(idOf(one));

  await until(() => run.stopped && shown(one).length === 0);
  assertEqual([], one.threads.value);
});

chatTest("what another tab imports or wipes is seen", async (world) => {
  const one = await world.tab();
  const two = await world.tab();
  await exchange(world, one, "Hi", "Yes");
  const [id, rows] = [idOf(one), await world.store.threads()];
  await until(() => two.threads.value.length === 1);
  await two.show(id);

  await one.store.wipe();
  await one.reload();
  await until(() => two.threads.value.length === 0 && shown(two).length === 0 && shown(one).length === 0);
  await one.store.put({ threads: rows });
  await one.reload();

  await until(() => two.threads.value.length === 1);
});

chatTest("a closed chat says nothing and hears nothing", async (world) => {
  const one = await world.tab();
  const two = await world.tab();
  await send(two, "Hi");
  await two.close();
  await exchange(world, one, "Hello", "Yes");
  await until(() => one.liveThreads.value.size === 0);

  assertEqual(false, two.threads.value.some(({ id }) => id === idOf(one)));
});
