import { estimateTokens, finalSpeed, tokensPerSecond } from "/ui/app/stream/speed.js";
import { assert, assertEqual, test } from "./harness.js";

const usage = { input: 10, output: 100, reasoning: 0, cached: 0, costUsd: null };

test("tokens are estimated from characters: Latin, Cyrillic and Chinese each at their own rate", () => {
  const of = (/** @type {string} */ text) => Math.round(estimateTokens({ kind: "content", text }));

  assertEqual([100, 160, 333, 0], [of("word".repeat(100)), of("слов".repeat(100)), of("日本語文".repeat(100)), of("")]);
});

test("the estimate of pieces is the estimate of the whole", () => {
  const text = "Some text, ein paar Wörter, несколько слов, 日本語";
  const whole = estimateTokens({ kind: "reasoning", text });

  const sum = [...text].reduce((tokens, piece) => tokens + estimateTokens({ kind: "reasoning", text: piece }), 0);

  assert(Math.abs(whole - sum) < 1e-9);
});

test("a tool call's name and arguments count, an end and a usage do not", () => {
  assertEqual(2, estimateTokens({ kind: "tool", index: 0, id: "call_x", name: "find", arguments: '{""}' }));
  assertEqual(0, estimateTokens({ kind: "finish", reason: "stop" }));
  assertEqual(0, estimateTokens({ kind: "usage", usage }));
});

test("there is no speed before it can be told", () => {
  assertEqual([null, null, 50], [tokensPerSecond(5, 10), tokensPerSecond(0, 5000), tokensPerSecond(100, 2000)]);
});

test("the final speed is what was counted over the time from the first token", () => {
  assertEqual(50, finalSpeed(usage, { sentAt: 0, firstMs: 1000, totalMs: 3000 }));
});

test("an answer that came in one piece is measured over the whole time", () => {
  assertEqual(50, finalSpeed(usage, { sentAt: 0, firstMs: 1990, totalMs: 2000 }));
  assertEqual(50, finalSpeed(usage, { sentAt: 0, firstMs: null, totalMs: 2000 }));
});

test("without a count or a time there is no final speed", () => {
  const timing = { sentAt: 0, firstMs: 1, totalMs: 2000 };

  assertEqual(
    [null, null, null, null],
    [
      finalSpeed(null, timing),
      finalSpeed(usage, null),
      finalSpeed({ ...usage, output: 0 }, timing),
      finalSpeed(usage, { sentAt: 0, firstMs: null, totalMs: 0 }),
    ],
  );
});
