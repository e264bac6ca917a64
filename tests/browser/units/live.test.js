import { createLive } from "/ui/app/chat/live.js";
import { newMessage } from "/ui/app/chat/message_rows.js";
import { assertEqual, assertThrows, test } from "./harness.js";

/** @typedef {import("/ui/app/types.js").Delta} Delta */

const MESSAGE = newMessage({ thread: "t", parent: null, role: "assistant", created: 0, content: "Once" });

function clock() {
  const time = { at: 1_000, now: () => time.at };
  return time;
}

/** @param {string} text @returns {Delta} */
const content = (text) => ({ kind: "content", text });

/** @param {string} text @returns {Delta} */
const reasoning = (text) => ({ kind: "reasoning", text });

test("what is read and what is told after it make the whole, without a gap or a double", () => {
  const { live, grow, tell } = createLive(MESSAGE, { mine: true, startedAt: 0, now: clock().now });
  let late = "";
  const follow = () => {
    late = live.message.content;
    live.subscribe((delta) => (late += "text" in delta ? delta.text : ""));
    stop();
  };
  const stop = live.subscribe(follow);

  for (const text of [" upon", " a", " time"]) {
    grow(content(text));
    tell(content(text));
  }

  assertEqual("Once upon a time", live.message.content);
  assertEqual("Once upon a time", late);
  assertEqual("Once", MESSAGE.content, "the row does not grow with it");
});

test("who has left is told nothing", () => {
  const { live, tell } = createLive(MESSAGE, { mine: true, startedAt: 0, now: clock().now });
  let told = 0;
  live.subscribe(() => (told += 1))();

  tell(content("x"));

  assertEqual(0, told);
});

test("a subscriber that throws keeps nothing from the others, and is reported", async () => {
  const { live, tell } = createLive(MESSAGE, { mine: true, startedAt: 0, now: clock().now });
  let told = 0;
  live.subscribe(() => {
    throw new Error("painter broke");
  });
  live.subscribe(() => (told += 1));

  await assertThrows(() => tell(content("x")), "painter broke");

  assertEqual(1, told);
});

test("reasoning is timed until the first content, on top of what was timed before", () => {
  const time = clock();
  const before = { ...MESSAGE, content: "", reasoningMs: 500 };
  const { live, grow } = createLive(before, { mine: true, startedAt: 0, now: time.now });
  for (const [delta, ms] of /** @type {[Delta, number][]} */ ([
    [reasoning("a"), 100],
    [reasoning("b"), 200],
    [content("c"), 400],
    [reasoning("d"), 800],
    [content("e"), 1_600],
  ])) {
    grow(delta);
    time.at += ms;
  }

  assertEqual(800, live.message.reasoningMs);
});

test("the first token is noted once, and every one is counted", () => {
  const time = clock();
  const { live, grow } = createLive(MESSAGE, { mine: true, startedAt: 0, now: time.now });

  grow({ kind: "served", servedBy: { provider: "p", model: "m", requestId: "" } });
  assertEqual(null, live.firstAt);
  for (let n = 0; n < 100; n += 1) {
    time.at += 10;
    grow(content("four"));
  }

  assertEqual(1_010, live.firstAt);
  assertEqual(100, live.tokens.value);
});
