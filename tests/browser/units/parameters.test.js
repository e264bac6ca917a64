// The form of a thread's parameters: text to values and back, and what is said of what cannot be.

import { assert, assertEqual, test } from "./harness.js";
import { readNumber } from "/ui/app/views/fields.js";
import { readParameters, textsOf } from "/ui/app/views/parameters.js";

const ALL = {
  temperature: 0.7,
  top_p: 0.9,
  max_tokens: 256,
  seed: -5,
  presence_penalty: -1.5,
  frequency_penalty: 2,
  reasoning_effort: "low",
  stop: ["END", "a\nb", "tab\there", "back\\slash\\n"],
};

test("What the form shows reads back as what it was made from", () => {
  assertEqual({ parameters: ALL, problems: {} }, readParameters(textsOf(ALL), {}));
  assertEqual({ parameters: {}, problems: {} }, readParameters(textsOf({}), ALL));
});

test("A number may be written with a point or a comma, and with blanks around it", () => {
  const range = { least: -2, most: 2, whole: false };

  const written = ["0.7", " 0,7 ", ".5", "-1", "+1", "0"];
  assertEqual([0.7, 0.7, 0.5, -1, 1, 0], written.map((text) => readNumber(text, range)));
  for (const text of ["", "x", "1e1", "0x1", "1.2.3", "3", "-2.1", "NaN", "Infinity", "1 2", "٣"]) {
    assertEqual(null, readNumber(text, range), text);
  }
});

test("A whole number takes no fraction and none that JavaScript cannot count to", () => {
  const range = { least: 1, most: Number.MAX_SAFE_INTEGER, whole: true };

  assertEqual([1, 3600], ["1", "3600"].map((text) => readNumber(text, range)));
  for (const text of ["1.5", "0", "-1", "9007199254740993"]) assertEqual(null, readNumber(text, range), text);
});

test("What is wrong is said, and the value that was there stays", () => {
  const texts = { ...textsOf(ALL), temperature: "9", max_tokens: "many", stop: "1\n2\n3\n4\n5", top_p: "" };
  const { parameters, problems } = readParameters(texts, ALL);

  assertEqual(["temperature", "max_tokens", "stop"], Object.keys(problems));
  assert(problems.temperature?.includes("from 0 to 2"), problems.temperature);
  assertEqual({ ...textsOf(ALL), top_p: "" }, textsOf(parameters));
});

test("What is wrong and was not there before is not sent", () => {
  assertEqual({}, readParameters({ ...textsOf({}), seed: "1.5" }, {}).parameters);
});
