// Markdown that comes in pieces.

import { documents } from "../corpus/documents.js";
import { long } from "../corpus/long.js";
import { assert, assertEqual, test } from "./harness.js";
import { dice, inPage, once, streamed } from "./markdown_support.js";
import { LiveMarkdown } from "/ui/app/markdown/incremental.js";
import { settled } from "/ui/app/markdown/settle.js";

for (const size of [1, 2, 3, 7, 40]) {
  test(`Streamed in pieces of ${size}, every document is what it is rendered at once.`, () => {
    for (const { name, text } of documents)
      assertSame(
        text,
        streamed(text, () => size),
        name,
      );
  });
}

for (const seed of [1, 2, 3]) {
  test(`Streamed in pieces of random size (${seed}), every document is what it is rendered at once.`, () => {
    const roll = dice(seed);
    for (const { name, text } of documents)
      assertSame(
        text,
        streamed(text, () => 1 + roll(30)),
        name,
      );
  });

  test(`Streamed in pieces of random size (${seed}), any mixture of constructs is what it is rendered at once.`, () => {
    const roll = dice(seed * 1_000);
    for (let count = 0; count < 250; count += 1) {
      const text = mixture(roll);
      const size = [1, 2, 5, 20][roll(4)];
      assertSame(
        text,
        streamed(text, () => size),
        JSON.stringify(text),
      );
    }
  });
}

/**
 * Node by node: text in two nodes is not the same as text in one.
 *
 * @param {string} text
 * @param {HTMLElement} root
 * @param {string} name
 */
function assertSame(text, root, name) {
  const whole = once(text);
  assertEqual(whole.innerHTML, root.innerHTML, name);
  assert(whole.isEqualNode(root), `${name}: the nodes differ`);
}

const BEGINNINGS = [
  "",
  "",
  "",
  "- ",
  "* ",
  "1. ",
  "  - ",
  "    ",
  "> ",
  "> > ",
  "> - ",
  "- > ",
  "# ",
  "## ",
  "- [ ] ",
  "| ",
  "\t",
];
const WORDS =
  "word **bold** *em* `code` [a](https://example.com) a_b ~~d~~ <b> <br> \\(x\\) $$y$$ ` ** * _ | \\ &amp; 你好。 שלום 😀".split(
    " ",
  );
const LINES = [
  "",
  "",
  "---",
  "===",
  "- - -",
  "```",
  "```py",
  "~~~",
  "  ```",
  "> ```",
  "|---|---|",
  "| a | b |",
  "$$",
  "\\[",
  "\\]",
  "<div>",
  "</div>",
  "<!--",
  "-->",
  "-",
  "1.",
  "#",
  ">",
  "[^1]: x",
  "a | b",
  "-|-",
  "</script>",
];

/** @param {(below: number) => number} roll */
function mixture(roll) {
  const pick = (/** @type {string[]} */ from) => from[roll(from.length)];
  const line = () => pick(BEGINNINGS) + Array.from({ length: 1 + roll(5) }, () => pick(WORDS)).join(" ");
  const lines = Array.from({ length: 1 + roll(14) }, () => (roll(2) === 0 ? line() : pick(LINES)));
  return lines.map((text) => text + ["\n", "\n", "\n\n", "\r\n"][roll(4)]).join("");
}

test("Coloured code and drawn formulas are the same, too.", async () => {
  const { text } = documents[documents.length - 1];
  const root = document.createElement("div");
  document.body.append(root);
  const live = new LiveMarkdown(root);
  for (let at = 0; at < text.length; at += 50) {
    live.push(text.slice(at, at + 50));
    if (at % 1_000 === 0) await settled();
  }
  live.end();

  await inPage(text, async (whole) => {
    await settled();
    assert(root.querySelector(".hljs-keyword") !== null && root.querySelector("math") !== null);
    assertEqual(whole.innerHTML, root.innerHTML);
  });
  root.remove();
});

// Letters and digits only: a mark may turn into formatting. Not counted: what the page adds (the language and the button
// of code, where a link or a picture leads), formulas, which are code until they are drawn.
test("Letters that have been shown stay, except for definitions, which nobody reads.", () => {
  for (const { name, text } of documents) {
    if (text.length > 5_000 || name === "definitions") continue;
    let before = 0;
    streamed(
      text,
      () => 1,
      (root, given) => {
        const now = letters(root);
        assert(now >= before, `${name}: ${before} became ${now} at ${JSON.stringify(given.slice(-40))}`);
        before = now;
      },
    );
  }
});

/** @param {HTMLElement} root */
function letters(root) {
  const copy = /** @type {HTMLElement} */ (root.cloneNode(true));
  for (const added of copy.querySelectorAll(".md-code-head, .md-host, .md-source, .md-math")) added.remove();
  const described = [...copy.querySelectorAll("img")].map((picture) => picture.alt).join("");
  return ((copy.textContent ?? "") + described).replace(/[^\p{L}\p{N}]/gu, "").length;
}

test("Half a construct is never seen as its marks.", () => {
  const text =
    "A **bold *and* word**, `code`, ~~gone~~, [a link](https://en.wikipedia.org/wiki/A_(b)), ![a picture](https://example.com/a.png), " +
    "H<sub>2</sub>O, \\(x^2\\) and &amp;.\n\n| a | b |\n|---|---|\n| **c** | d |\n\n## Heading\n\n- [ ] task\n\n```py\nx\n```\n\n$$\ny\n$$\n";
  streamed(
    text,
    () => 1,
    (root, given) => {
      const seen = root.textContent ?? "";
      const raw = /\*|`|~|\[|\]|!|<|\\|\$|\||#|&(?=\w)|https/.exec(seen);
      assert(
        raw === null,
        `${raw?.[0]} in ${JSON.stringify(seen.slice(-60))} after ${JSON.stringify(given.slice(-40))}`,
      );
    },
  );
});

test("An unfinished link leads nowhere, an unfinished picture opens nothing.", () => {
  for (const text of [
    "see [a](https://example.com/long",
    "see ![b](https://example.com/x",
    "[**a** b](https://example.com/_(x",
  ]) {
    streamed(
      text,
      () => 1,
      (root) => assertEqual(0, root.querySelectorAll("a, button, img").length),
    );
  }
});

test("What is finished is not touched again, so that a selection in it stays.", () => {
  const root = document.createElement("div");
  const live = new LiveMarkdown(root);
  live.push("first **paragraph**\n\n- item one\n- item two\n- item three\n- item four\n");
  const [paragraph, item] = [root.querySelector("p"), root.querySelector("li")];
  const observer = new MutationObserver(() => {});
  observer.observe(/** @type {Element} */ (paragraph), {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
  });
  observer.observe(/** @type {Element} */ (item), {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
  });

  for (let at = 0; at < 20; at += 1) live.push(`- item ${at}\n`);
  live.push("\nlast\n");
  live.end();

  assertEqual([], observer.takeRecords());
  assert(root.contains(paragraph) && root.contains(item));
});

test("A letter that comes is appended to the text that is there.", () => {
  const root = document.createElement("div");
  const live = new LiveMarkdown(root);
  live.push("some te");
  const node = root.querySelector("p")?.firstChild;

  live.push("xt");

  assertEqual("some text", node?.nodeValue);
  assert(node?.isConnected === false && root.contains(node));
});

test("Bold text is bold where a long paragraph is read in pieces.", () => {
  const text = `${"word ".repeat(190)}**bold ${"word ".repeat(40)}end** ${"word ".repeat(400)}`;

  assertEqual(once(text).innerHTML, streamed(text, () => 30).innerHTML);
  assertEqual(`bold ${"word ".repeat(40)}end`, once(text).querySelector("strong")?.textContent);
});

test("Half a line break at the end of a piece is one line break.", () => {
  const root = document.createElement("div");
  const live = new LiveMarkdown(root);
  for (const piece of ["a\r", "\nb\r", "\n\r", "\nc\r"]) live.push(piece);
  live.end();

  assertEqual(once("a\r\nb\r\n\r\nc\r").innerHTML, root.innerHTML);
});

// A tenth of what is asked for, so that it also holds on a busy machine: the whole is measured in test_performance.py.
for (const [kind, make] of Object.entries(long)) {
  test(`Twice the text is not four times the work: ${kind}.`, () => {
    const [short, twice] = [work(make(40_000)), work(make(80_000))];
    assert(twice < 3 * short + 500, `${Math.round(short)} ms, then ${Math.round(twice)} ms`);
  });
}

/** @param {string} text */
function work(text) {
  const started = performance.now();
  streamed(text, () => 40);
  return performance.now() - started;
}

test("Twenty thousand lines of code are appended piece by piece.", () => {
  const line = "const value = compute(1, 2, 3);\n";
  const root = document.createElement("div");
  const live = new LiveMarkdown(root);
  live.push("```js\n");
  let slowest = 0;
  for (let at = 0; at < 20_000; at += 10) {
    const started = performance.now();
    live.push(line.repeat(10));
    slowest = Math.max(slowest, performance.now() - started);
  }
  live.end();

  assertEqual(20_000, root.querySelector("code")?.textContent?.split("\n").length);
  assertEqual(100, root.querySelectorAll(".md-lines").length);
  assert(slowest < 150, `one piece took ${Math.round(slowest)} ms`);
});
