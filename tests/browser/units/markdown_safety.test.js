// What a model may write to harm whoever reads it.

import { audit } from "../corpus/audit.js";
import { payloads } from "../corpus/payloads.js";
import { assert, assertEqual, test } from "./harness.js";
import { dice, once, streamed } from "./markdown_support.js";
import { readAddress } from "/ui/app/markdown/addresses.js";
import { settled } from "/ui/app/markdown/settle.js";

const ATTACKS = payloads();
const PARTS = 12;

test("There are more than five thousand attacks, no two the same.", () => {
  assert(new Set(ATTACKS).size === ATTACKS.length && ATTACKS.length > 5_000);
});

for (let part = 0; part < PARTS; part += 1) {
  test(`No attack runs, or leaves what could run or load (${part + 1} of ${PARTS}).`, async () => {
    const page = document.createElement("div");
    document.body.append(page);
    const roll = dice(part);
    for (const attack of ATTACKS.filter((_, at) => at % PARTS === part)) {
      const root = streamed(
        attack,
        () => 1 + roll(25),
        (live) => assertEqual([], audit(live), attack),
      );
      assertEqual(once(attack).innerHTML, root.innerHTML, attack);
      page.append(root);
    }

    await settled();

    assertEqual([], audit(page));
    assertEqual(undefined, Reflect.get(globalThis, "canary"));
    page.remove();
  });
}

test("An address is allowed by what the browser makes of it.", () => {
  const hrefs = [
    "HTTPS://Example.com",
    "ht\ntps://example.com",
    "&#104;ttps://example.com",
    "\u0001https://example.com",
    "http:example.com",
    "mailto:a@example.com",
    "#a-b",
  ];
  const refused = [
    "javascript:x",
    "java\tscript:x",
    "&#106;avascript:x",
    "javascript&colon;x",
    "\u0001javascript:x",
    "//example.com",
    "/x",
    "x",
    "",
    "#/x",
    "#x=1",
    "data:text/html,x",
    "https://",
    `${location.origin}/x`,
    `https://e.example/${"x".repeat(5_000)}`,
  ];

  assertEqual(
    [
      "https://example.com/",
      "https://example.com/",
      "https://example.com/",
      "https://example.com/",
      "http://example.com/",
      "mailto:a@example.com",
      "#a-b",
    ],
    hrefs.map((href) => readAddress(href)?.href),
  );
  assertEqual(
    [],
    refused.filter((href) => readAddress(href) !== null),
  );
});

/** @type {Record<string, string>} */
const HOSTILE = {
  brackets: "[",
  pictures: "![",
  stars: "*",
  "open emphasis": "*a ",
  "mixed emphasis": "**a *b ",
  underscores: "_a ",
  tildes: "~~a ",
  quotes: ">",
  "spaced quotes": "> ",
  "lazy quotes": "> > a\nb\n",
  backticks: "`",
  "code spans": "`a``b",
  bars: "|",
  tags: "<",
  "open tags": '<a b="',
  comments: "<!--",
  bullets: "- ",
  numbers: "1. ",
  links: "[a](b",
  references: "[a][b]",
  nested: "[a]((",
  formulas: "\\(a",
  dollars: "$$\n",
  "formula blocks": "a\n\\[\n",
  tables: "a|b\n-|-\n",
  underlines: "a\n10) b\n-\n",
  fences: "```\n",
  breaks: "a  \n",
  subs: "<sub>",
  entities: "&#1",
  letters: "a",
  addresses: "a@b.c",
  hosts: "http://a.",
  spaces: " ",
};

for (const [name, mark] of Object.entries(HOSTILE)) {
  test(`A hundred thousand characters of ${name} do not hold up the page.`, () => {
    const text = mark.repeat(Math.ceil(100_000 / mark.length));
    const started = performance.now();
    const root = streamed(text, () => 5_000);
    const tookMs = performance.now() - started;

    assertEqual(true, once(text).isEqualNode(root));
    assert(tookMs < 10_000, `${Math.round(tookMs)} ms`);
  });
}

test("Depth is bounded: what is nested deeper is text.", () => {
  const root = once(
    `${"> ".repeat(5_000)}a\n\n${"- ".repeat(5_000)}b\n\n${"*c **d ".repeat(3_000)}${"** e*".repeat(3_000)}`,
  );

  assert(root.querySelectorAll("blockquote blockquote").length > 10);
  assert(!root.querySelector(Array(40).fill("blockquote").join(" ")));
});
