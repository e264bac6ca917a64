import { ended, grow, newMessage, openingOf, timingOf } from "/ui/app/chat/message_rows.js";
import { assertEqual, test } from "./harness.js";

/** @param {Partial<import("/ui/app/types.js").Message>} [given] */
const answer = (given) => newMessage({ thread: "t", parent: null, role: "assistant", created: 0, ...given });

test("a thread is called by its first words, on one line", () => {
  assertEqual("Hello there, you", openingOf("\n Hello\n\n there,\tyou ", []));
  assertEqual(`${"ab ".repeat(26)}ab…`, openingOf("ab ".repeat(1000), []));
  assertEqual(80, [...openingOf("😀".repeat(80), [])].length, "characters, not halves of them");
  assertEqual("cat.png", openingOf(" ", [{ id: "1", name: "cat.png", type: "image/png", blob: new Blob() }]));
});

test("the stretches of a continued answer add up, without the time between them", () => {
  const first = timingOf(null, 1_000, 1_200, 3_000);

  assertEqual({ sentAt: 1_000, firstMs: 200, totalMs: 2_000 }, first);
  assertEqual({ sentAt: 1_000, firstMs: 200, totalMs: 2_500 }, timingOf(first, 60_000, 60_100, 60_500));
  assertEqual(100, timingOf({ sentAt: 0, firstMs: null, totalMs: 10 }, 50, 150, 200).firstMs, "the first stretch had none");
});

test("the price list tells the cost where the provider does not", () => {
  const usage = { input: 1_000, output: 100, reasoning: 0, cached: 0, costUsd: null };
  const price = { inputUsd: 0.001, outputUsd: 0.01 };
  const done = /** @type {const} */ ({ status: "done", failure: null });

  assertEqual(2, ended(answer({ usage }), done, price).usage?.costUsd);
  assertEqual(1.5, ended(answer({ usage: { ...usage, cached: 500 } }), done, { ...price, cachedUsd: 0 }).usage?.costUsd);
  assertEqual(2, ended(answer({ usage: { ...usage, cached: 500 } }), done, price).usage?.costUsd);
  assertEqual(0.25, ended(answer({ usage: { ...usage, costUsd: 0.25 } }), done, price).usage?.costUsd);
  assertEqual(null, ended(answer({ usage }), done, null).usage?.costUsd);
  assertEqual(null, ended(answer(), done, price).usage);
});

test("a tool call comes in pieces; its name and id stay", () => {
  const message = answer();

  grow(message, { kind: "tool", index: 0, id: "c1", name: "look", arguments: '{"q"' });
  grow(message, { kind: "tool", index: 0, id: "", name: "", arguments: ":1}" });

  assertEqual([{ id: "c1", name: "look", arguments: '{"q":1}' }], message.tools);
});
