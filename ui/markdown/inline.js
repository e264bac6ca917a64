// Tokens of the text in a block → nodes.

import { t } from "../strings.js";
import { isPicture, misleads, readAddress } from "./addresses.js";
import { element } from "./elements.js";
import { decode } from "./entities.js";
import { formula } from "./math.js";

/** @typedef {import("./lexer.js").Token} Token */
/** @typedef {import("./elements.js").Parts} Parts */

/** The tags that are formatting and nothing else; every other tag is shown as it was written. */
const SPANS = /** @type {const} */ (["sub", "sup", "kbd"]);
const BREAK = /^<br\s*\/?>$/i;

/** How much of an address that is not opened is told. */
const TOLD = 200;

/**
 * @param {Token[]} tokens
 * @returns {Parts}
 */
export function inline(tokens) {
  /** @type {Parts} */
  const parts = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const span = spanAt(tokens, at);
    if (span === null) {
      parts.push(...one(tokens[at]));
    } else {
      parts.push(element(span.name, inline(tokens.slice(at + 1, span.end))));
      at = span.end;
    }
  }
  return parts;
}

/**
 * @param {Token} token
 * @returns {Parts}
 */
function one(token) {
  switch (token.type) {
    case "text":
      return [decode(token.text)];
    case "escape":
      return [token.text];
    case "strong":
    case "em":
      return [element(token.type, inline(children(token)))];
    case "del":
      // One tilde is "about", as in 20~25.
      return token.raw.startsWith("~~")
        ? [element("del", inline(children(token)))]
        : ["~", ...inline(children(token)), "~"];
    case "codespan":
      return [element("code", [token.text], { dir: "ltr" })];
    case "br":
      return [element("br")];
    case "math":
      return [formula(token.text, token.block)];
    case "link":
      return link(token);
    case "image":
      return image(token);
    case "checkbox":
      return [];
    default:
      return BREAK.test(token.raw.trim()) ? [element("br")] : [token.raw];
  }
}

/** @param {Token} token */
function children(token) {
  return token.tokens ?? [];
}

/**
 * @param {Token[]} tokens
 * @param {number} at
 * @returns {{name: "sub" | "sup" | "kbd", end: number} | null}
 */
function spanAt(tokens, at) {
  if (tokens[at].type !== "html") return null;
  const name = SPANS.find((span) => tokens[at].raw.toLowerCase() === `<${span}>`);
  if (name === undefined) return null;
  let end = at + 1;
  while (end < tokens.length && tokens[end].type !== "html") end += 1;
  return tokens[end]?.raw.toLowerCase() === `</${name}>` ? { name, end } : null;
}

/**
 * @param {Token} token
 * @returns {Parts}
 */
function link(token) {
  const address = readAddress(token.href ?? "");
  const parts = inline(children(token));
  if (address === null) {
    const told = t("markdown.notOpened", { address: decode(token.href ?? "").slice(0, TOLD) });
    return token.autolink ? parts : [element("span", parts, { class: "md-dead", title: told })];
  }
  if (address.kind === "fragment") return [element("a", parts, { href: address.href })];
  const made = element("a", parts, {
    href: address.href,
    target: "_blank",
    rel: "noopener noreferrer nofollow",
    title: address.host,
  });
  if (!misleads(made.textContent ?? "", address)) return [made];
  return [made, element("span", [` (${address.host})`], { class: "md-host" })];
}

/**
 * A picture from elsewhere is a button: loading it would tell its host whatever the model put into the address.
 *
 * @param {Token} token
 * @returns {Parts}
 */
function image(token) {
  const alt = decode(token.text ?? "");
  const href = token.href ?? "";
  if (isPicture(href)) return [element("img", [], { src: href, alt })];
  const address = readAddress(href);
  if (address?.kind !== "web") return [alt];
  const label = element("span", [alt === "" ? t("markdown.image") : alt], { class: "md-alt" });
  const source = element("span", [t("markdown.imageFrom", { host: address.host })], { class: "md-source" });
  const open = { type: "button", class: "md-image", "data-open": address.href, title: address.host };
  return [element("button", [label, " ", source], open)];
}
