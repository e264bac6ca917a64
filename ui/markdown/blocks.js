// Tokens of blocks → nodes.

import { codeBlock } from "./code.js";
import { t } from "../strings.js";
import { element } from "./elements.js";
import { inline } from "./inline.js";
import { formula } from "./math.js";

/** @typedef {import("./lexer.js").Token} Token */
/** @typedef {import("./elements.js").Parts} Parts */

const HEADINGS = /** @type {const} */ (["h1", "h2", "h3", "h4", "h5", "h6"]);

/**
 * Each block finds its own direction. A paragraph inside a list item or a quote takes that of its container, so that
 * the bullet or the bar stands on the side where reading begins.
 *
 * @param {Token[]} tokens
 * @param {boolean} [nested]
 * @returns {DocumentFragment}
 */
export function blocks(tokens, nested = false) {
  const made = document.createDocumentFragment();
  for (const token of tokens) {
    const node = block(token, nested ? {} : { dir: "auto" });
    if (node !== null) made.append(node);
  }
  return made;
}

/**
 * @param {Token} token
 * @param {Record<string, string>} direction
 * @returns {HTMLElement | null}
 */
function block(token, direction) {
  switch (token.type) {
    case "space":
    case "def":
    case "checkbox":
      return null;
    case "heading":
      return element(HEADINGS[token.depth - 1], inline(token.tokens ?? []), direction);
    case "hr":
      return element("hr");
    case "code":
      return codeBlock(token.text, token.lang);
    case "blockquote":
      return element("blockquote", [blocks(token.tokens ?? [], true)], { dir: "auto" });
    case "list":
      return list(token);
    case "table":
      return table(token);
    case "mathBlock":
      return element("div", [formula(token.text, true)], { class: "md-display" });
    case "html":
      return html(token, direction);
    case "plain":
      return element("p", [token.text], { ...direction, class: "md-html" });
    default:
      return element("p", inline(token.tokens ?? []), direction);
  }
}

/**
 * Tags are shown as they were written: what a model hides in a comment or in an attribute is seen.
 *
 * @param {Token} token
 * @param {Record<string, string>} direction
 */
function html(token, direction) {
  const text = token.text.trim();
  if (/^<br\s*\/?>$/i.test(text)) return element("p", [element("br")], direction);
  return element("p", [text], { ...direction, class: "md-html" });
}

/**
 * Items of a tight and of a loose list are made alike, their distance is a class of the list: it turns loose with its
 * last item, and those before it need not be made again.
 *
 * @param {Token} token
 */
function list(token) {
  /** @type {Record<string, string>} */
  const start = token.ordered && token.start !== 1 ? { start: String(token.start) } : {};
  const made = element(token.ordered ? "ol" : "ul", token.items.map(item), start);
  if (token.loose) made.className = "md-loose";
  return made;
}

/** @param {Token} token */
function item(token) {
  const made = element("li", [blocks(token.tokens ?? [], true)], { dir: "auto" });
  if (!token.task) return made;
  const box = element("input", [], { type: "checkbox", disabled: "" });
  box.toggleAttribute("checked", Boolean(token.checked));
  box.ariaLabel = t(token.checked ? "markdown.taskDone" : "markdown.taskOpen");
  made.className = "md-task";
  made.prepend(box);
  return made;
}

/** @param {Token} token */
function table(token) {
  const row = (/** @type {Token[]} */ cells, /** @type {"th" | "td"} */ name) => {
    const attributes = (/** @type {number} */ at) => ({ dir: "auto", ...aligned(token.align[at]) });
    return element(
      "tr",
      cells.map((cell, at) => element(name, inline(cell.tokens ?? []), attributes(at))),
    );
  };
  const head = element("thead", [row(token.header, "th")]);
  const body = element(
    "tbody",
    token.rows.map((/** @type {Token[]} */ cells) => row(cells, "td")),
  );
  return element("div", [element("table", [head, body])], { class: "md-table", tabindex: "0" });
}

/**
 * @param {string | null} align
 * @returns {Record<string, string>}
 */
function aligned(align) {
  return align === null || align === undefined ? {} : { class: `md-${align}` };
}
