// Answers as models write them, one for each thing that can go wrong. Streamed in pieces of any size, each has to look
// as it does rendered at once.

const F = "```";

const realistic = Array.from(
  { length: 14 },
  (_, part) => `## ${part + 1}. Streaming a reply, step ${part + 1}

A gateway **streams** what a model writes in *small pieces*; see [the notes](https://example.com/notes/${part}) and
\`stream: true\`. It costs between $5 and $6 for a million tokens, about 20~25 tokens a second, and \\(t_{${part}}\\) is
the time to the first of them.

1. Send the request with \`"stream": true\`:

   ${F}python
   for chunk in client.chat.completions.create(model="demo-${part}", stream=True):
       print(chunk.choices[0].delta.content or "", end="")
   ${F}

2. Read it line by line.
   - A line that begins with a colon is a comment.
   - \`[DONE]\` is the last one.
3. Show it.

| Step | What happens | ms |
|:-----|:------------:|---:|
| ${part} | connect | ${part * 7} |
| ${part + 1} | first token, with a \\| bar | ${part * 11} |

> **Note**
> A heartbeat is a sign of life.
>
> > Even when nothing else comes.

${F}js
// Part ${part}
export async function* read(stream) {
  for await (const piece of stream) yield piece; /* and
  so on */
}
${F}

$$
\\sum_{i=1}^{n} x_i = \\frac{n(n+1)}{2}
$$

- [x] streamed
- [ ] measured

`,
).join("");

/** @type {{name: string, text: string}[]} */
export const documents = [
  { name: "plain", text: "Just a line." },
  { name: "empty", text: "" },
  { name: "white space", text: "\n\n   \n\t\n" },
  {
    name: "two paragraphs",
    text: "One line\nand its second.\n\nAnother   paragraph with  two spaces at the end  \nand a break\\\nand another.\n",
  },
  {
    name: "emphasis",
    text: "**bold** *it* ***both*** __bold__ _it_ a**b**c snake_case_name 5 * 3 * 2 **open *nested* end** *a **b** c*\n\n**open\n\n*open",
  },
  { name: "code spans", text: "`a` ``b ` c`` `` ` `` `open\n\n`two\nlines` and `**not bold**` \\`no\\`" },
  {
    name: "headings",
    text: "# One #\n## Two\n### Three `code`\n#### Four\n##### Five\n###### Six\n####### not\n#not\n#\n## **b** [l](https://example.com)\n",
  },
  { name: "setext", text: "Title\n=====\n\nSecond\n------\n\ntwo\nlines\n===\ntext\n---\ntext\n-\ntext\n--- no\n" },
  { name: "rules", text: "a\n\n---\n\n***\n\n_ _ _\n\n- - -\ntext\n***\ntext\n" },
  { name: "tight list", text: "- one\n- two **b**\n- three\n  four\n\ntext\n\n* a\n* b\n+ c\n1. d\n2) e\n" },
  { name: "loose list", text: "- one\n\n- two\n\n  more\n\n- three\n\n\n- four\ntext\n" },
  { name: "late loose list", text: "1. one\n2. two\n3. three\n4. four\n5. five\n\n6. six makes all of them loose\n" },
  {
    name: "nested list",
    text: "- a\n  - b\n    - c\n      1. d\n      2. e\n    - f\n  - g\n\n    text in g\n- h\n\n      code in h?\n- i\n",
  },
  {
    name: "list with blocks",
    text: `1. step\n\n   ${F}sh\n   ls -l\n\n   # not a heading\n   ${F}\n\n   text\n2. > quote\n   > more\n3. # heading\n4. | a | b |\n   |---|---|\n   | 1 | 2 |\n10. ten\n`,
  },
  { name: "empty items", text: "-\n- a\n-\n\n  b\n- \n\n-\n\n\ntext\n1.\n2. x\n*\n" },
  {
    name: "ordered from seven",
    text: "7. seven\n8. eight\n\ntext\n\n0. zero\n\n2024. a year\n\ntext\n3. not a list\n",
  },
  {
    name: "tasks",
    text: "- [x] done\n- [ ] open\n- [X] **bold**\n- [x]\n- [y] no\n\n1. [ ] numbered\n\n2. [x] loose\n",
  },
  {
    name: "quotes",
    text: "> one\n> two\n>\n> three\nlazy line\n\n> > nested\n> > more\n> back\n\n>no space\n>\n\ntext\n> after text\n",
  },
  {
    name: "quote with blocks",
    text: `> # heading\n> - a\n> - b\n>\n> ${F}py\n> x = 1\n> ${F}\n> | a | b |\n> |---|---|\n> | 1 | 2 |\n>\n> end\n`,
  },
  { name: "lazy nested quotes", text: "> > a\nb\n> c\n> > d\n> - e\nf\n> - g\n\n> text\n===\n> text\n---\n" },
  {
    name: "fences",
    text: `${F}js\nconst a = "<b>";\n${F}\n\n~~~\ntildes\n${F}\n~~~\n\n${F}\`\n${F}\nfour\n${F}\`\n\n${F} c++ title="x"\nint a;\n${F}\ntext right after\n${F}unknown-language\nx\n${F}\n`,
  },
  { name: "open fence", text: `text\n\n${F}python\ndef f():\n    return 1\n\n\n# the end never comes\n` },
  {
    name: "fence with nearly fences",
    text: `${F}md\n${F}py\n ${F} x\n  ${F}\`\n${F.slice(1)}\n${F}\n   ${F}\nindented\n   ${F}\ntext\n`,
  },
  { name: "empty fences", text: `${F}\n${F}\n\n${F}js\n\n${F}\n\n${F}js\n\n\nx\n\n\n${F}\n\n${F}` },
  { name: "indented code", text: "text\n\n    code\n      more\n\n    after a blank\n\ntext\n    not code\n\n\ttab\n" },
  {
    name: "table",
    text: "| a | b | c |\n|:--|:-:|--:|\n| 1 | **2** | `3` |\n| x \\| y | `a \\| b` | |\n| one |\n| 1 | 2 | 3 | 4 |\n\ntext\n",
  },
  {
    name: "table without bars",
    text: "a | b\n--|--\n1 | 2\n3\n\ntext | text\n\n| not | a table\n\n| a |\n|---|---|\n| b |\n",
  },
  {
    name: "table in text",
    text: "text\n| a | b |\n|---|---|\n| 1<br>2 | 3<br/>4 |\ntext is a row\n# heading ends it\n",
  },
  {
    name: "links",
    text: '[a](https://example.com) [b](https://example.com/x?y=1&z=2 "title") <https://example.com/auto> https://example.com/bare. www.example.com me@example.com <me@example.com> [rel](/admin) [frag](#links) [js](javascript:alert(1)) [open](https://example.com\n\n[half\n',
  },
  {
    name: "links that mislead",
    text: "[paypal.com](https://evil.example) [https://good.example](https://evil.example/good.example) [Node.js](https://nodejs.org) [example.com](https://www.example.com/a)",
  },
  {
    name: "definitions",
    text: 'Use [one][1] and [two] and ![pic][1] before.\n\n- [one][1] in a list\n\n[1]: https://example.com/1 "T"\n[two]: <https://example.com/2>\n\nUse [one][1] and [Two] after.\n',
  },
  {
    name: "footnotes",
    text: "A claim[^1] and one more[^note].\n\n[^1]: https://example.com/source\n[^note]: Some text.\n",
  },
  {
    name: "pictures",
    text: "![alt](https://example.com/a.png) ![](https://example.com/b.png) ![rel](/c.png) ![dot](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==) ![svg](data:image/svg+xml;base64,PHN2Zz4=) [![in link](https://example.com/d.png)](https://example.com) ![open](https://exa",
  },
  {
    name: "raw html",
    text: 'a <b>bold</b> and <span style="x">span</span> H<sub>2</sub>O x<sup>2</sup> <kbd>Ctrl</kbd>+<kbd>C</kbd> <!-- hidden --> a < b && c > d\n\n<div align="center">\n**not bold**\n</div>\n\n<details>\n<summary>More</summary>\n\ntext\n\n</details>\n\n<script>\nalert(1)\n\n</script>\n\n<br>\n\nend <sub>open\n',
  },
  {
    name: "html after text",
    text: "text\n<div>\nx\n\n</div>\ntext\n</span>\n- \n<!-- open\n\ncomment -->\n<?php x ?>\n",
  },
  {
    name: "entities",
    text: "&amp; &lt;b&gt; &copy; &#65; &#x42; &#0; &nosuch; &amp;amp; AT&T a&b; &mdash; `&amp;` \\&amp; &",
  },
  { name: "escapes", text: "\\*not\\* \\# \\[x\\] \\`c\\` \\\\ \\! \\a C:\\path\\file\n\\- no list\n\n1\\. no list\n" },
  {
    name: "formulas",
    text: "Let \\(x^2 + y_1\\) and \\[E = mc^2\\] and $$a_b$$ inline; $5 and $6, $x$ and US$ 7.\n\n\\[\n\\begin{aligned}\na &= b \\\\\n- c &= d\n\\end{aligned}\n\\]\n\nThus:\n$$\n\\frac{1}{2}\n= x\n- y\n$$\nand on.\n\n- in a list \\(a\\)\n  $$\n  b\n  $$\n> $$c$$\n\n`\\(code\\)` \\(open\n\n$$ open\n\n\\[ open\n\n- a",
  },
  {
    name: "bad formulas",
    text: "\\(\\nosuchcommand{x}\\) \\(\\frac{a\\) \\(\\href{javascript:alert(1)}{x}\\) \\(\\includegraphics{https://example.com/x.png}\\) \\(\\style{color:red}{x}\\) \\(\\color{red}{x}\\) \\(\\)",
  },
  {
    name: "formulas with marks",
    text: "**\\(a*b*c\\)** *see \\(x_1\\) and \\(x_2\\)* | \\(|x|\\) |\n\n| f | g |\n|---|---|\n| \\(a\\) | $$b$$ |\n\n# \\(h\\)\n",
  },
  { name: "strikethrough", text: "~~gone~~ ~one~ 20~25 and 30~40 ~~open\n\n~~two\nlines~~" },
  {
    name: "line ends",
    text: "one\r\ntwo\r\n\r\n- a\r\n- b\r\n\r\n```js\r\nx\r\n\r\ny\r\n```\r\nold\rmac\r\r> q\r\n> r\r\n\r\n| a |\r\n|---|\r\n| 1 |\r",
  },
  {
    name: "right to left",
    text: "# שלום עולם\n\nמה שלומך **היום**? `code` ו-[קישור](https://example.com).\n\n- פריט ראשון\n- second item\n\n1. אחד\n\n> ציטוט\n\n| שם | n |\n|---|---|\n| דוד | 1 |\n\nمرحبا بالعالم، هذه **فقرة** عربية.\n\n```py\nx = 'שלום'\n```\n",
  },
  {
    name: "chinese and japanese",
    text: `# 標題\n\n**粗體**文字，*斜體*和\`程式碼\`。「引號」**重點。**後面。\n\n- 項目一\n- 項目二\n\n${"これは長い段落です。改行も空白もありません。**太字**と`コード`が混ざっています。".repeat(60)}\n`,
  },
  {
    name: "emoji",
    text: "👩‍👩‍👧‍👦 **🎉 party** 😀😃 `🚀` [🔗](https://example.com) 🇩🇪\n\n- 👍🏽\n- ❤️\n\n| 😀 | 🎈 |\n|---|---|\n| 𝒳 | 𠜎 |\n",
  },
  {
    name: "long paragraph",
    text: `${"This **paragraph** has `code`, *marks* and [links](https://example.com) in it, and it goes on, ".repeat(60)}**open and ${"goes on without an end, ".repeat(40)}`,
  },
  {
    name: "long paragraph that is a heading",
    text: `${"word and word ".repeat(200)}\nsecond line\n===\n\n${"cell and cell ".repeat(200)}| b\n--|--\n1 | 2\n`,
  },
  {
    name: "long list",
    text: Array.from(
      { length: 80 },
      (_, at) => `${at + 1}. item **${at}** with \`code\`\n${at % 9 === 0 ? "   - nested\n   - list\n" : ""}`,
    ).join(""),
  },
  {
    name: "long table",
    text: `| a | b |\n|---|--:|\n${Array.from({ length: 80 }, (_, at) => `| row **${at}** | ${at} |\n`).join("")}\ntext`,
  },
  {
    name: "long quote",
    text: Array.from({ length: 60 }, (_, at) => `> > - item ${at}\n${at % 7 === 0 ? "> >\n> > text\n> >\n" : ""}`).join(
      "",
    ),
  },
  {
    name: "long code",
    text: `${F}js\n${Array.from({ length: 700 }, (_, at) => `const x${at} = "${at}"; // line\n`).join("")}${F}\n\n${F}\n${"x".repeat(3000)}\n${F}\n`,
  },
  {
    name: "deep nesting",
    text: `${"> ".repeat(40)}deep\n\n${"- ".repeat(40)}deep\n\n${"*a **b ".repeat(30)}\n\n${"[".repeat(60)}x${"]".repeat(60)}\n`,
  },
  { name: "a closing tag after text", text: "|\n</script>\n- \n" },
  {
    name: "all at once",
    text: `text\n- list\n> quote\n# heading\n${F}\ncode\n${F}\ntext\n| a |\n|---|\n| 1 |\n***\n1. x\ntext\n    text\n$$\nx\n$$\ntext`,
  },
  { name: "a real answer", text: realistic },
];
