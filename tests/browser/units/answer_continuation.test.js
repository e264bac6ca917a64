import { createContinuation } from "/ui/app/chat/continuation.js";
import { newMessage } from "/ui/app/chat/message_rows.js";
import { mayOverlap, withoutOverlap } from "/ui/app/chat/overlap.js";
import { assert, assertEqual, test } from "./harness.js";

/** @typedef {import("/ui/app/types.js").Delta} Delta */
/** @typedef {import("/ui/app/types.js").Message} Message */

const BEFORE = "It was the best of times, it was the worst of times";

/** @param {Partial<Message>} given */
const answer = (given) => newMessage({ thread: "t", parent: null, role: "assistant", created: 0, ...given });

/**
 * @param {string} before
 * @param {string[]} pieces
 * @returns {string} What they add to it.
 */
function joined(before, pieces) {
  const continuation = createContinuation(answer({ content: before }));
  const deltas = [...pieces.flatMap((text) => continuation.take({ kind: "content", text })), ...continuation.rest()];
  return deltas.map((delta) => ("text" in delta ? delta.text : "")).join("");
}

test("what is repeated is cut off where it is exact and long enough", () => {
  assertEqual(", it was", withoutOverlap(BEFORE, "it was the worst of times, it was"));
  assertEqual("", withoutOverlap(BEFORE, BEFORE));
  assertEqual("", withoutOverlap(BEFORE, "it was the worst of times"));
  assertEqual("orst of times, it", withoutOverlap(BEFORE, "orst of times, it"), "13 characters");
  assertEqual("It was the worst of times, it", withoutOverlap(BEFORE, "It was the worst of times, it"), "not exact");
  assertEqual(" the", withoutOverlap("", " the"));
  assertEqual("", withoutOverlap("0123456789abcdefghij", "0123456789abcdefghij"), "20 characters");
  assertEqual("123456789abcdefghij!", withoutOverlap("0123456789abcdefghij", "123456789abcdefghij!"), "19 characters");
});

test("the longest repetition counts", () => {
  const line = "- one more line of it\n";

  assertEqual("!", withoutOverlap(line.repeat(3), `${line.repeat(3)}!`));
});

test("a beginning may be a repetition as long as the text before goes on like it", () => {
  assert(mayOverlap(BEFORE, "it was the w"));
  assert(!mayOverlap(BEFORE, "it was the x"));
  assert(!mayOverlap(BEFORE, "worst of"), "too near the end");
  assert(!mayOverlap(BEFORE, "it was the worst of times"), "complete");
});

test("however a continuation is cut, it is joined as if it came in one piece", () => {
  const nexts = ["it was the worst of times, it was the age", " it was", "and", "it was the worst of time machines", ""];
  for (const next of nexts) {
    for (let size = 1; size <= next.length; size += 1) {
      const pieces = next.match(new RegExp(`.{1,${size}}`, "gs")) ?? [];
      assertEqual(withoutOverlap(BEFORE, next), joined(BEFORE, pieces), `${next} by ${size}`);
    }
  }
});

test("a new answer is passed on as it comes", () => {
  const continuation = createContinuation(answer({}));

  assertEqual([{ kind: "content", text: "it" }], continuation.take({ kind: "content", text: "it" }));
  assertEqual([], continuation.rest());
});

test("tool calls of a continuation come after those that are there, whatever numbers they have", () => {
  const continuation = createContinuation(answer({ tools: [{ id: "1", name: "old", arguments: "{}" }] }));
  /** @param {number} index @returns {Delta} */
  const tool = (index) => ({ kind: "tool", index, id: "", name: "", arguments: "" });

  const indexes = [0, 7, 0, 7].flatMap((index) => continuation.take(tool(index))).map((delta) => Reflect.get(delta, "index"));

  assertEqual([1, 2, 1, 2], indexes);
});

test("new thoughts stand apart from old ones", () => {
  const continuation = createContinuation(answer({ reasoning: "Hm." }));
  const texts = ["So", " be it"].flatMap((text) => continuation.take({ kind: "reasoning", text })).map((delta) => Reflect.get(delta, "text"));

  assertEqual(["\n\nSo", " be it"], texts);
});

test("usage adds up, and a later count of the same run takes the earlier one's place", () => {
  const usage = { input: 10, output: 5, reasoning: 1, cached: 2, costUsd: 0.5 };
  const continuation = createContinuation(answer({ content: "x", usage }));

  continuation.take({ kind: "usage", usage: { ...usage, output: 1 } });
  const [delta] = continuation.take({ kind: "usage", usage });

  assertEqual({ input: 20, output: 10, reasoning: 2, cached: 4, costUsd: 1 }, Reflect.get(delta, "usage"));
});
