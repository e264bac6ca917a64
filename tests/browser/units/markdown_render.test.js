// What each construct becomes.

import { hljs } from "/ui/app/vendor/hljs.js";
import { audit } from "../corpus/audit.js";
import { documents } from "../corpus/documents.js";
import { assert, assertEqual, test } from "./harness.js";
import { inPage, once } from "./markdown_support.js";

const LINK = 'target="_blank" rel="noopener noreferrer nofollow"';

/** @type {[string, string, string][]} What it is about, Markdown, nodes. */
const RULES = [
  ["Emphasis is nested", "***a** b* ~~c~~", '<p dir="auto"><em><strong>a</strong> b</em> <del>c</del></p>'],
  [
    "Prices and approximations are text",
    "$5 and $6, 20~25 or 30~40, snake_case, 5 * 3",
    '<p dir="auto">$5 and $6, 20~25 or 30~40, snake_case, 5 * 3</p>',
  ],
  [
    "References to characters are decoded once",
    "&amp;lt; &copy; &#65; &nosuch; `&amp;`",
    '<p dir="auto">&amp;lt; © A &amp;nosuch; <code dir="ltr">&amp;amp;</code></p>',
  ],
  [
    "Tags are text",
    'a <b onclick="x">b</b> <!-- c -->',
    '<p dir="auto">a &lt;b onclick="x"&gt;b&lt;/b&gt; &lt;!-- c --&gt;</p>',
  ],
  [
    "Bare tags that are formatting are formatting",
    "H<sub>2</sub>O<br>x<sup>2</sup> <kbd>A</kbd> <sub>",
    '<p dir="auto">H<sub>2</sub>O<br>x<sup>2</sup> <kbd>A</kbd> &lt;sub&gt;</p>',
  ],
  [
    "Tags with attributes are not",
    '<br class="x"> <sub id="x">2</sub>',
    '<p dir="auto">&lt;br class="x"&gt; &lt;sub id="x"&gt;2&lt;/sub&gt;</p>',
  ],
  [
    "A block of tags is text",
    "<div>\n**a**\n</div>",
    '<p dir="auto" class="md-html">&lt;div&gt;\n**a**\n&lt;/div&gt;</p>',
  ],
  [
    "A link says where it leads",
    "[a](https://example.com/b)",
    `<p dir="auto"><a href="https://example.com/b" ${LINK} title="example.com">a</a></p>`,
  ],
  [
    "A link that names another host shows its own",
    "[example.com](https://evil.example)",
    `<p dir="auto"><a href="https://evil.example/" ${LINK} title="evil.example">example.com</a><span class="md-host"> (evil.example)</span></p>`,
  ],
  [
    "A link into this origin is no link",
    "[a](/admin)",
    '<p dir="auto"><span class="md-dead" title="This address is not opened: /admin">a</span></p>',
  ],
  ["A link to a heading stays in the answer", "[a](#a-b)", '<p dir="auto"><a href="#a-b">a</a></p>'],
  [
    "A letter's address is a link",
    "<a@example.com>",
    `<p dir="auto"><a href="mailto:a@example.com" ${LINK} title="a@example.com">a@example.com</a></p>`,
  ],
  [
    "A picture from elsewhere is a button",
    "![a](https://example.com/b.png)",
    '<p dir="auto"><button type="button" class="md-image" data-open="https://example.com/b.png" title="example.com"><span class="md-alt">a</span> <span class="md-source">Image from example.com · Open</span></button></p>',
  ],
  [
    "A picture in the text is shown",
    "![a](data:image/gif;base64,R0lGODlhAQABAAAAACw=)",
    '<p dir="auto"><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" alt="a"></p>',
  ],
  ["A picture that is a document is not", "![a](data:image/svg+xml;base64,PHN2Zz4=)", '<p dir="auto">a</p>'],
  [
    "Tight and loose lists differ by a class",
    "- a\n- b\n\ntext\n\n* c\n\n* d",
    '<ul><li dir="auto"><p>a</p></li><li dir="auto"><p>b</p></li></ul><p dir="auto">text</p><ul class="md-loose"><li dir="auto"><p>c</p></li><li dir="auto"><p>d</p></li></ul>',
  ],
  [
    "Tasks are boxes that cannot be ticked",
    "- [x] a\n- [ ] b",
    '<ul><li dir="auto" class="md-task"><input type="checkbox" disabled="" checked="" aria-label="Done"><p>a</p></li><li dir="auto" class="md-task"><input type="checkbox" disabled="" aria-label="To do"><p>b</p></li></ul>',
  ],
  ["A list begins where it says", "7. a", '<ol start="7"><li dir="auto"><p>a</p></li></ol>'],
  [
    "A table aligns by class",
    "|a|b|\n|:-:|-|\n|c|",
    '<div class="md-table" tabindex="0"><table><thead><tr><th dir="auto" class="md-center">a</th><th dir="auto">b</th></tr></thead><tbody><tr><td dir="auto" class="md-center">c</td><td dir="auto"></td></tr></tbody></table></div>',
  ],
  [
    "Code has its language and a button",
    "```py x\na\n```",
    '<div class="md-code"><div class="md-code-head"><span class="md-language">py</span><button type="button" class="md-copy">Copy</button></div><pre tabindex="0" dir="ltr"><code data-language="py"><span class="md-lines">a</span></code></pre></div>',
  ],
  [
    "Footnotes stay where they are",
    "a[^1]\n\n[^1]: https://example.com",
    `<p dir="auto">a[^1]</p><p dir="auto">[^1]: <a href="https://example.com/" ${LINK} title="example.com">https://example.com</a></p>`,
  ],
  [
    "A definition is used wherever it stands",
    "[a]\n\n[a]: https://example.com",
    `<p dir="auto"><a href="https://example.com/" ${LINK} title="example.com">a</a></p>`,
  ],
  [
    "A formula is code until it is drawn",
    "\\(a_1\\)",
    '<p dir="auto"><span class="md-math" data-tex="a_1"><code dir="ltr">a_1</code></span></p>',
  ],
];

for (const [name, text, nodes] of RULES) {
  test(`${name}.`, () => assertEqual(nodes, once(text).innerHTML));
}

test("Every document of the corpus is made of nothing but what is allowed.", () => {
  for (const { name, text } of documents) assertEqual([], audit(once(text)), name);
});

test("Code is coloured by classes, once its language is known.", () =>
  inPage("```py\ndef f(): return 'x'\n```\n\n```nosuch\ndef\n```\n\n```\ndef\n```", (root) => {
    const [known, unknown, none] = root.querySelectorAll("code");
    assertEqual("def f(): return 'x'", known.textContent);
    assertEqual("def", known.querySelector(".hljs-keyword")?.textContent);
    assertEqual(
      [0, 0],
      [unknown, none].map((code) => code.querySelectorAll("[class^=hljs]").length),
    );
  }));

test("Code that is longer than 50,000 characters stays plain.", () =>
  inPage(`\`\`\`js\n${"let a = 1;\n".repeat(5_000)}\`\`\``, (root) => {
    assertEqual(0, root.querySelectorAll("[class^=hljs]").length);
    assertEqual(25, root.querySelectorAll(".md-lines").length);
  }));

test("The highlighter still gives its tokens as a tree, which is private.", () => {
  const tree = Reflect.get(hljs.highlight("f()", { language: "js" })._emitter, "rootNode");
  assertEqual([{ children: ["f"], scope: "title.function" }, "(", ")"], tree.children);
});

test("Formulas are drawn as MathML, without a style attribute.", () =>
  inPage("\\(x^2\\) and $$\\begin{array}{|c|}\\hline\\color{red}{a}&\\boxed{b}\\\\\\hline\\end{array}$$", (root) => {
    assertEqual(2, root.querySelectorAll("math").length);
    assertEqual(1, root.querySelectorAll("math[display=block]").length);
    assertEqual([], audit(root));
  }));

test("A formula that cannot be drawn, or that would link or load, stays as it was written.", () =>
  inPage(
    "\\(\\nosuch\\) \\(\\href{https://example.com}{x}\\) \\(\\includegraphics{https://example.com/x.png}\\)",
    (root) => {
      assertEqual(0, root.querySelectorAll("math, a, img").length);
      assertEqual(3, root.querySelectorAll(".md-math[title] > code").length);
      assert(root.textContent?.includes("\\nosuch"));
    },
  ));

test("Blocks find their own direction.", () =>
  inPage("שלום\n\nhello\n\n- שלום\n- hello\n\n> שלום\n\n```\nשלום\n```", (root) => {
    const directions = [...root.querySelectorAll("p, li, pre")].map((block) => getComputedStyle(block).direction);
    assertEqual(["rtl", "ltr", "rtl", "rtl", "ltr", "ltr", "rtl", "ltr"], directions);
  }));
