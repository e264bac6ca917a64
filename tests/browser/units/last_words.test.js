import { forgetLastWords, leaveLastWords, withLastWords } from "/ui/app/store/last_words.js";
import { assertEqual, test } from "./harness.js";

/** @param {object} changed */
function message(changed) {
  return /** @type {any} */ ({ id: "m1", content: "One", reasoning: "", reasoningMs: 0, tools: [], status: "waiting", ...changed });
}

test("an answer gets back the words that were left of it, once", () => {
  leaveLastWords(message({ content: "One two", reasoning: "Hm", reasoningMs: 7 }));

  const first = withLastWords(message({}));
  const second = withLastWords(message({}));

  assertEqual(["One two", "Hm", 7, "waiting"], [first.content, first.reasoning, first.reasoningMs, first.status]);
  assertEqual("One", second.content);
});

test("fewer words than the database has are not taken", () => {
  leaveLastWords(message({ content: "O" }));

  assertEqual("One", withLastWords(message({})).content);
});

test("words that cannot be read, and a storage that fails, change nothing", () => {
  localStorage.setItem("llms.last.m1", "{oops");
  const broken = /** @type {any} */ ({
    getItem() {
      throw new Error("no storage");
    },
  });

  assertEqual("One", withLastWords(message({})).content);
  assertEqual("One", withLastWords(message({}), broken).content);
  localStorage.clear();
});

test("words of long ago go", () => {
  localStorage.setItem("llms.last.old", JSON.stringify({ at: Date.now() - 90_000_000, content: "x", reasoning: "", tools: [] }));
  localStorage.setItem("llms.last.new", JSON.stringify({ at: Date.now(), content: "x", reasoning: "", tools: [] }));

  withLastWords(message({}));

  assertEqual([null, true], [localStorage.getItem("llms.last.old"), localStorage.getItem("llms.last.new") !== null]);
  localStorage.clear();
});

test("words that are too many for this storage stay with the checkpoint", () => {
  leaveLastWords(message({ content: "x".repeat(1_000_001) }));

  assertEqual(null, localStorage.getItem("llms.last.m1"));
});

test("where the browser blocks storage, nothing is left and nothing breaks", () => {
  const own = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(window, "localStorage"));
  const get = () => {
    throw new DOMException("denied", "SecurityError");
  };
  Object.defineProperty(window, "localStorage", { configurable: true, get });
  try {
    leaveLastWords(message({}));
    forgetLastWords(null);
    assertEqual("One", withLastWords(message({})).content);
  } finally {
    Object.defineProperty(window, "localStorage", own);
  }
});

test("the words of one answer go, or those of all, and nothing else", () => {
  localStorage.setItem("llms.settings", "{}");
  for (const id of ["m1", "m2", "m3"]) leaveLastWords(message({ id }));

  forgetLastWords("m1");
  assertEqual(["llms.last.m2", "llms.last.m3", "llms.settings"], Object.keys(localStorage).sort());
  forgetLastWords(null);

  assertEqual(["llms.settings"], Object.keys(localStorage));
  localStorage.clear();
});
