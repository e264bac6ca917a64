import { chatTest, exchange, idOf, last, open, send, shown, sleep } from "./chat_support.js";
import { assert, assertEqual, until } from "./harness.js";

chatTest("a deleted thread is gone at once, can be brought back whole, and goes by itself later", async (world) => {
  const chat = await world.tab();
  await exchange(world, chat, "Hi", "Yes");
  const id = idOf(chat);

  await chat.remove(id);
  assertEqual([[], []], [chat.threads.value, shown(chat)]);
  assertEqual(["Deleted “Hi”."], chat.notices.value.map(({ text }) => text));
  chat.notices.value[0].action?.run();
  await until(() => shown(chat).length === 2);
  assertEqual([1, 0], [chat.threads.value.length, chat.notices.value.length]);
  await sleep(200);
  assertEqual(2, (await world.store.messages(id)).length);

  await chat.remove(id);
  await until(async () => (await world.store.threads()).length === 0);
  assertEqual([], await world.store.messages(id));
  await until(() => chat.notices.value.length === 0);
});

chatTest("deleting a thread stops its answer; undo brings back what had come", async (world) => {
  const chat = await world.tab();
  await send(chat, "Hi");
  const run = await world.run(1);
  run.say("Half");
  const id = idOf(chat);

  await chat.remove(id);
  assertEqual([true, new Set()], [run.stopped, chat.liveThreads.value]);
  chat.notices.value[0].action?.run();
  await until(() => shown(chat).length === 2);

  assertEqual(["Half", "stopped"], [last(chat).content, last(chat).status]);
});

chatTest("what was deleted before the page was closed goes at the next start", async (world) => {
  const chat = await world.tab();
  await exchange(world, chat, "Hi", "Yes");
  const id = idOf(chat);
  await chat.remove(id);
  await chat.close();
  assert((await world.store.thread(id))?.deleted);

  const again = await world.tab();
  assertEqual([], again.threads.value);
  await again.show(id);
  assertEqual(["THREAD_MISSING"], again.notices.value.map(({ code }) => code));

  await until(async () => (await world.store.thread(id)) === null);
});

chatTest("undo does not take the page away from what is done there by now", async (world) => {
  const chat = await world.tab();
  await exchange(world, chat, "One", "Yes");
  const id = idOf(chat);
  await chat.remove(id);
  await exchange(world, chat, "Two", "Yes");

  chat.notices.value[0].action?.run();
  await until(() => chat.threads.value.length === 2);
  await sleep(30);

  assertEqual("user: Two", shown(chat)[0]);
  assertEqual("Two", open(chat).thread.value.opening);
});

chatTest("a tab that was opened meanwhile does not purge what is brought back", async (world) => {
  const chat = await world.tab();
  await exchange(world, chat, "Hi", "Yes");
  const id = idOf(chat);
  await chat.remove(id);
  await world.tab();
  chat.notices.value[0].action?.run();
  await until(() => chat.threads.value.length === 1);

  await sleep(400);

  assertEqual(2, (await world.store.messages(id)).length);
});
