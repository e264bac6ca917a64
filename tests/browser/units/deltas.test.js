import { deltasOf, deltasOfCompletion, usageOf } from "/ui/app/stream/deltas.js";
import { assert, assertEqual, test } from "./harness.js";
import { chunk } from "./streams.js";

test("content, reasoning, tool calls, the finish and the usage become deltas", () => {
  const call = { index: 1, id: "call_1", type: "function", function: { name: "f", arguments: '{"a"' } };

  assertEqual([{ kind: "content", text: "Hi" }], deltasOf(chunk({ role: "assistant", content: "Hi" })));
  assertEqual([{ kind: "reasoning", text: "Hm" }], deltasOf(chunk({ reasoning_content: "Hm" })));
  assertEqual(
    [{ kind: "tool", index: 1, id: "call_1", name: "f", arguments: '{"a"' }],
    deltasOf(chunk({ tool_calls: [call] })),
  );
  assertEqual([{ kind: "finish", reason: "length" }], deltasOf(chunk({}, "length")));
  assertEqual(
    [{ kind: "usage", usage: { input: 3, output: 1, reasoning: 0, cached: 0, costUsd: null } }],
    deltasOf({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 } }),
  );
});

test("a piece of a tool call's arguments names neither id nor name", () => {
  const [delta] = deltasOf(chunk({ tool_calls: [{ index: 0, function: { arguments: ":1}" } }] }));

  assertEqual({ kind: "tool", index: 0, id: "", name: "", arguments: ":1}" }, delta);
});

test("a custom tool's input counts as its arguments", () => {
  const [delta] = deltasOf(chunk({ tool_calls: [{ index: 0, id: "c", custom: { name: "sh", input: "ls" } }] }));

  assertEqual({ kind: "tool", index: 0, id: "c", name: "sh", arguments: "ls" }, delta);
});

test("reasoning has two spellings, and is taken once where both come", () => {
  assertEqual([{ kind: "reasoning", text: "Hm" }], deltasOf(chunk({ reasoning: "Hm" })));
  assertEqual([{ kind: "reasoning", text: "Hm" }], deltasOf(chunk({ reasoning: "Hm", reasoning_content: "Hm" })));
  assertEqual([{ kind: "reasoning", text: "Hm" }], deltasOf(chunk({ reasoning: "Hm", reasoning_content: null })));
});

test("a refusal is shown as what the model says", () => {
  assertEqual([{ kind: "content", text: "I cannot." }], deltasOf(chunk({ content: null, refusal: "I cannot." })));
});

test("of several choices only the first is shown, wherever it stands", () => {
  const choices = [
    { index: 1, delta: { content: "other" }, finish_reason: "stop" },
    { index: 0, delta: { content: "first" } },
  ];

  assertEqual([{ kind: "content", text: "first" }], deltasOf({ choices }));
});

test("whatever has the wrong type is left out, and nothing throws", () => {
  const odd = [null, undefined, 1, -1, NaN, "x", "", true, [], [null], [[[]]], {}, { index: {} }, { text: {} }];
  const parsed = JSON.parse('{"__proto__": {"choices": [], "content": "polluted"}, "constructor": 1}');

  for (const value of [...odd, parsed]) {
    for (const made of [
      value,
      { choices: value, usage: value },
      { choices: [value], usage: { prompt_tokens: value, completion_tokens: value, prompt_tokens_details: value } },
      { choices: [{ index: value, delta: value, message: value, finish_reason: value }] },
      chunk({ content: value, reasoning_content: value, reasoning: value, refusal: value, tool_calls: value }),
      chunk({ tool_calls: [value, { index: value, id: value, function: value, custom: value }] }),
      chunk({ tool_calls: [{ index: value, function: { name: value, arguments: value } }] }),
    ]) {
      for (const delta of [...deltasOf(made), ...deltasOfCompletion(made)]) check(delta);
    }
  }
  assertEqual([], deltasOf(parsed));
  assert(!("choices" in Object.prototype));
});

/** @param {import("/ui/app/types.js").Delta} delta */
function check(delta) {
  if (delta.kind === "content" || delta.kind === "reasoning")
    assert(typeof delta.text === "string" && delta.text !== "");
  if (delta.kind === "finish") assert(typeof delta.reason === "string" && delta.reason !== "");
  if (delta.kind === "usage") assert(Number.isInteger(delta.usage.input) && Number.isInteger(delta.usage.output));
  if (delta.kind !== "tool") return;
  assert([delta.id, delta.name, delta.arguments].every((text) => typeof text === "string"));
  assert(Number.isInteger(delta.index) && delta.index >= 0 && delta.index < 1000);
}

test("content in parts is joined, a number is written", () => {
  const parts = [{ type: "text", text: "a" }, "b", { type: "image_url" }, null];

  assertEqual([{ kind: "content", text: "ab" }], deltasOf(chunk({ content: parts })));
  assertEqual([{ kind: "content", text: "7" }], deltasOf(chunk({ content: 7 })));
});

test("a tool call without an index, or with one that no list can have, is known by its place", () => {
  const calls = [{ id: "a" }, { id: "b", index: -1 }, { id: "c", index: 1e9 }];

  const found = deltasOf(chunk({ tool_calls: calls }));

  assertEqual(
    [0, 1, 2],
    found.map((delta) => delta.kind === "tool" && delta.index),
  );
});

test("arguments that came as an object are written as JSON", () => {
  const [delta] = deltasOf(chunk({ tool_calls: [{ index: 0, function: { name: "f", arguments: { a: 1 } } }] }));

  assertEqual('{"a":1}', delta.kind === "tool" && delta.arguments);
});

test("an answer that is not streamed becomes the same deltas, in the order of a stream", () => {
  const message = {
    role: "assistant",
    content: "Hi",
    refusal: null,
    reasoning_content: "Hm",
    tool_calls: [
      { id: "a", function: { name: "f", arguments: "{}" } },
      { id: "b", function: { name: "g", arguments: "{}" } },
    ],
  };
  const usage = { prompt_tokens: 1, completion_tokens: 2 };

  const found = deltasOfCompletion({ choices: [{ index: 0, message, finish_reason: "tool_calls" }], usage });

  assertEqual(
    ["reasoning", "content", "tool", "tool", "finish", "usage"],
    found.map((delta) => delta.kind),
  );
  assertEqual(
    [0, 1],
    found.filter((delta) => delta.kind === "tool").map((delta) => delta.index),
  );
});

test("the usage holds what is known of it, and no part is larger than its whole", () => {
  const usage = {
    prompt_tokens: 100,
    completion_tokens: 50,
    prompt_tokens_details: { cached_tokens: 80 },
    completion_tokens_details: { reasoning_tokens: 70 },
    cost: 0.25,
  };

  assertEqual({ input: 100, output: 50, reasoning: 50, cached: 80, costUsd: 0.25 }, usageOf(usage));
  assertEqual(
    { input: 0, output: 5, reasoning: 0, cached: 0, costUsd: null },
    usageOf({ completion_tokens: 5, cost: -1 }),
  );
  for (const nothing of [
    null,
    undefined,
    "x",
    [],
    {},
    { prompt_tokens: -1 },
    { prompt_tokens: "5" },
    { prompt_tokens: 1.5 },
  ]) {
    assertEqual(null, usageOf(nothing));
  }
});
