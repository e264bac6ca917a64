import { chatTest, exchange, idOf, last, open, send, shown } from "./chat_support.js";
import { assertEqual, until } from "./harness.js";

chatTest("retry keeps the old answer beside the new one, and the choice is kept", async (world) => {
  const chat = await world.tab();
  await exchange(world, chat, "Hi", "A");
  const first = last(chat);
  await open(chat).retry(first, { model: "other", stream: false });
  const run = await world.run(2);
  const body = /** @type {any} */ (await /** @type {() => Promise<object>} */ (run.request.body)());
  run.say("B");
  run.done();
  const second = last(chat);

  assertEqual(["other", false], [body.model, body.stream]);
  assertEqual(["user: Hi", "assistant: B"], shown(chat));
  assertEqual([first.id, second.id], open(chat).siblings(second).map(({ id }) => id));
  open(chat).choose(first);
  assertEqual(["user: Hi", "assistant: A"], shown(chat));

  await until(async () => (await world.store.thread(idOf(chat)))?.head === first.id);
  assertEqual("", open(chat).thread.value.model, "the thread's own model stays");
});

chatTest("an edited question stands beside the old one, with an answer of its own", async (world) => {
  const chat = await world.tab();
  await exchange(world, chat, "Hi", "A");
  const [question] = open(chat).path.value;
  open(chat).setDraft("Something else");

  await open(chat).edit(question, { text: "Hello", pictures: [] });
  (await world.run(2)).done();

  assertEqual(["user: Hello", "assistant: "], shown(chat));
  assertEqual(2, open(chat).siblings(question).length);
  assertEqual("Something else", open(chat).draft.value);
  open(chat).choose(question);
  assertEqual(["user: Hi", "assistant: A"], shown(chat));
});

chatTest("an edited answer stands beside the old one and asks nothing", async (world) => {
  const chat = await world.tab();
  await exchange(world, chat, "Hi", "A");

  await open(chat).edit(last(chat), { text: "Better", pictures: [] });

  assertEqual(["user: Hi", "assistant: Better"], shown(chat));
  assertEqual(1, world.runs.length);
  assertEqual(2, open(chat).siblings(last(chat)).length);
  assertEqual(3, (await world.store.messages(idOf(chat))).length);
});

chatTest("a fork is a thread of its own with the path up to the message", async (world) => {
  const chat = await world.tab();
  await exchange(world, chat, "One", "A");
  const middle = last(chat);
  await exchange(world, chat, "Two", "B");
  const from = idOf(chat);

  const id = await open(chat).fork(middle);
  await chat.show(id);

  assertEqual(["user: One", "assistant: A"], shown(chat));
  assertEqual("One (fork)", open(chat).thread.value.title);
  const [old, copies] = [await world.store.messages(from), await world.store.messages(id)];
  assertEqual([4, 2], [old.length, copies.length]);
  assertEqual(false, copies.some((copy) => old.some((message) => message.id === copy.id)));
  await exchange(world, chat, "Else", "C");
  assertEqual(4, (await world.store.messages(from)).length);
});

chatTest("a fork of an answer that is coming has what has come", async (world) => {
  const chat = await world.tab();
  await send(chat, "One");
  (await world.run(1)).say("Half");

  await chat.show(await open(chat).fork(last(chat)));

  assertEqual(["Half", "stopped"], [last(chat).content, last(chat).status]);
});

chatTest("continue lets the same answer grow, without what is repeated", async (world) => {
  const chat = await world.tab();
  await send(chat, "Count");
  const first = await world.run(1);
  first.say("one two three four five six");
  first.deliver({ kind: "usage", usage: { input: 1, output: 6, reasoning: 0, cached: 0, costUsd: 1 } });
  first.fail("NETWORK_ERROR");
  const { id } = last(chat);

  await open(chat).continueAnswer(last(chat));
  const second = await world.run(2);
  assertEqual(["connecting", null], [last(chat).status, last(chat).failure]);
  const body = /** @type {any} */ (await /** @type {() => Promise<object>} */ (second.request.body)());
  assertEqual("one two three four five six", body.messages[1].content);
  for (const text of ["two three", " four five six", " seven"]) second.say(text);
  second.deliver({ kind: "usage", usage: { input: 8, output: 2, reasoning: 0, cached: 0, costUsd: 1 } });
  second.done();

  assertEqual([id, "done", "one two three four five six seven"], [last(chat).id, last(chat).status, last(chat).content]);
  assertEqual([9, 8, 2], [last(chat).usage?.input, last(chat).usage?.output, last(chat).usage?.costUsd]);
});

chatTest("a continuation that fails at once keeps what there was", async (world) => {
  const chat = await world.tab();
  await exchange(world, chat, "Count", "one two");

  await open(chat).continueAnswer(last(chat));
  (await world.run(2)).fail("HTTP_500");

  assertEqual(["one two", "failed"], [last(chat).content, last(chat).status]);
});
