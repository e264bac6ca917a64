import { openMemoryStore } from "/ui/app/store/store.js";
import { openChannel } from "/ui/app/tabs/channel.js";
import { newId } from "/ui/app/ids.js";
import { createChat } from "/ui/app/chat/chat.js";
import { chatTest, exchange, idOf, last, open, send, shown, sleep } from "./chat_support.js";
import { assert, assertEqual, test, until } from "./harness.js";

/** @param {import("/ui/app/chat/chat.js").Chat} chat */
function fill(chat) {
  const { put } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.put = () => {
    throw new DOMException("no space", "QuotaExceededError");
  };
  return () => {
    IDBObjectStore.prototype.put = put;
    return chat;
  };
}

chatTest("storage that is full stops no answer, is said, and is tried again", async (world) => {
  const chat = await world.tab();
  const empty = fill(chat);
  try {
    await send(chat, "Hi");
    const run = await world.run(1);
    run.say("All of it");
    run.done();
    await until(() => chat.notices.value.length === 1);
    assertEqual(["STORAGE_FULL", true], [chat.notices.value[0].code, chat.notices.value[0].action !== undefined]);
    assertEqual(["user: Hi", "assistant: All of it"], shown(chat));
    const id = idOf(chat);
    await chat.show(null);
    await chat.show(id);
    assertEqual(["user: Hi", "assistant: All of it"], shown(chat));
  } finally {
    empty();
  }

  await until(async () => (await world.store.messages(idOf(chat))).length === 2);
  assertEqual("All of it", (await world.store.messages(idOf(chat)))[1].content);
  assertEqual(1, (await world.store.threads()).length);
  await until(() => chat.notices.value.length === 0);
});

test("without any storage the chat works, and says that it keeps nothing", async () => {
  const [store, channel] = [openMemoryStore(newId()), openChannel(newId())];
  /** @type {(() => void) | undefined} */
  let finish;
  const chat = createChat({
    store,
    channel,
    startRun: (_request, { onDelta, onEnd }) => {
      finish = () => {
        onDelta({ kind: "content", text: "Hello" });
        onEnd({ status: "done", failure: null });
      };
      return { stop() {}, done: new Promise(() => {}) };
    },
  });
  await chat.show(null);
  await send(chat, "Hi");
  finish?.();

  assertEqual(["user: Hi", "assistant: Hello"], shown(chat));
  assertEqual(["STORAGE_NONE"], chat.notices.value.map(({ code }) => code));
  await chat.close();
  channel.close();
});

chatTest("an answer whose page was closed is interrupted when it is shown again, with its text", async (world) => {
  const chat = await world.tab();
  await send(chat, "Hi");
  (await world.run(1)).say("Some words");
  const id = idOf(chat);
  await chat.close();
  assertEqual(["connecting", "Some words"], await world.store.messages(id).then(([, row]) => [row.status, row.content]));

  const again = await world.tab();
  await again.show(id);

  await until(() => last(again).status === "failed");
  assertEqual(["Some words", "INTERRUPTED", null], [last(again).content, last(again).failure?.code, open(again).live.value]);
  await until(async () => (await world.store.messages(id))[1].failure?.code === "INTERRUPTED");
  await open(again).continueAnswer(last(again));
  (await world.run(2)).say(" and more");
  assertEqual("assistant: Some words and more", shown(again)[1]);
});

chatTest("a page that is left stores what there is, without an end", async (world) => {
  const chat = await world.tab({ pace: { saveMs: 10_000 } });
  await send(chat, "Hi");
  const run = await world.run(1);
  run.say("a");
  await sleep(30);
  run.say("b");

  dispatchEvent(new PageTransitionEvent("pagehide"));

  await until(async () => (await world.store.messages(idOf(chat)))[1].content === "ab");
  assertEqual(["connecting", true], [(await world.store.messages(idOf(chat)))[1].status, run.stopped]);
  dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
  await until(() => last(chat).failure?.code === "INTERRUPTED");
});

chatTest("a draft is kept with its thread, and the new thread's too", async (world) => {
  const chat = await world.tab();
  await exchange(world, chat, "Hi", "Yes");
  const id = idOf(chat);
  open(chat).setDraft("for the old one");
  await chat.show(null);
  open(chat).setDraft("for the new one");
  await chat.show(id);
  assertEqual("for the old one", open(chat).draft.value);
  await chat.show(null);
  assertEqual("for the new one", open(chat).draft.value);
  await chat.close();
  assertEqual(1, (await world.store.threads()).length, "a draft is not a thread yet");

  const again = await world.tab();
  assertEqual("for the new one", open(again).draft.value);
  await again.show(id);
  assertEqual("for the old one", open(again).draft.value);
});

chatTest("typing is stored at most every so often, and at once when the page is left", async (world) => {
  const chat = await world.tab({ pace: { draftMs: 10_000 } });
  open(chat).setDraft("a");
  await sleep(30);
  open(chat).setDraft("ab");
  await sleep(30);
  assert((await world.store.draft("")) !== "ab");

  dispatchEvent(new PageTransitionEvent("pagehide"));

  await until(async () => (await world.store.draft("")) === "ab");
});

chatTest("the stored draft goes when the message is stored, and not before", async (world) => {
  const chat = await world.tab();
  open(chat).setDraft("Hi");
  await until(async () => (await world.store.draft("")) === "Hi");
  const empty = fill(chat);
  await send(chat, "Hi").finally(empty);
  assertEqual("", open(chat).draft.value);
  assertEqual("Hi", await world.store.draft(""));

  const other = await world.tab();
  await exchange(world, other, "Hi", "Yes");
  assertEqual("", await world.store.draft(""));
  open(other).setDraft("More");
  await until(async () => (await world.store.draft(idOf(other))) === "More");
  const emptied = fill(other);
  await send(other, "More");
  await sleep(40);
  emptied();
  assertEqual("More", await world.store.draft(idOf(other)));
});

chatTest("pictures of a draft stay while another thread is shown", async (world) => {
  const chat = await world.tab();
  await exchange(world, chat, "Hi", "Yes");
  const id = idOf(chat);
  const picture = { id: "1", name: "cat.png", type: "image/png", blob: new Blob(["x"]) };
  open(chat).pictures.value = [picture];
  await chat.show(null);
  await chat.show(id);

  assertEqual([picture], open(chat).pictures.value);
  await open(chat).send({ text: "", pictures: open(chat).pictures.value });
  assertEqual([], open(chat).pictures.value);
  assertEqual([picture], open(chat).path.value[2].pictures);
});

chatTest("slow storage does not make the next question wait for another tab", async (world) => {
  const chat = await world.tab({ pace: { acquireMs: 30 } });
  await send(chat, "One");
  const { put } = chat.store;
  chat.store.put = async (rows) => {
    await sleep(100);
    await put(rows);
  };
  (await world.run(1)).done();

  await send(chat, "Two");

  assertEqual([null, 2], [open(chat).queued.value, world.runs.length]);
});

chatTest("what came last before the page was left is kept though the database was too slow to take it", async (world) => {
  const chat = await world.tab({ pace: { saveMs: 10_000 } });
  await send(chat, "Hi");
  const run = await world.run(1);
  run.say("Some words");
  const id = idOf(chat);
  await until(async () => (await world.store.messages(id))[1]?.content === "Some words");
  chat.store.put = () => new Promise(() => {});
  run.say(", and the last");
  dispatchEvent(new PageTransitionEvent("pagehide"));
  dieOf(id);

  const again = await world.tab();
  await again.show(id);

  await until(() => last(again).status === "failed");
  assertEqual("Some words, and the last", last(again).content);
  await until(async () => (await world.store.messages(id))[1].content === "Some words, and the last");
});

/**
 * Let go of a thread's lock, as the browser does when its tab has gone.
 *
 * @param {string} id
 */
function dieOf(id) {
  navigator.locks.request(`llms:run:${id}`, { steal: true }, () => {});
}
