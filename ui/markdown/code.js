// A code block: its language, a copy button and the code. Where it is coloured: `highlight.js`.

import { t } from "../strings.js";
import { element } from "./elements.js";

/** A browser lays out a text as a whole, whatever part of it is seen: 40 kB in one piece cost 3 ms for every change. */
const LINES = 200;

const LANGUAGE = /^[\w+#.-]{1,40}$/;

/**
 * @param {string} text
 * @param {string} [info]  What stands behind the fence.
 * @returns {HTMLElement}
 */
export function codeBlock(text, info = "") {
  const language = info.trim().split(/[\s{,]/)[0];
  const named = LANGUAGE.test(language);
  const code = element("code", [], named ? { "data-language": language.toLowerCase() } : {});
  appendCode(code, text);
  const label = element("span", [named ? language : t("markdown.code")], { class: "md-language" });
  const copy = element("button", [t("markdown.copy")], { type: "button", class: "md-copy" });
  const head = element("div", [label, copy], { class: "md-code-head" });
  return element("div", [head, element("pre", [code], { tabindex: "0", dir: "ltr" })], { class: "md-code" });
}

/**
 * Append to code that is not coloured, in pieces of so many lines. The pieces are the same however the text arrives.
 *
 * @param {HTMLElement} code
 * @param {string} text
 */
export function appendCode(code, text) {
  let from = 0;
  while (from < text.length) {
    const { node, free } = lastPiece(code);
    const end = endOfLine(text, from, free);
    node.appendData(text.slice(from, end));
    from = end;
  }
}

/**
 * @param {HTMLElement} code
 * @returns {{node: Text, free: number}} The piece that is being filled, and how many lines it still takes.
 */
function lastPiece(code) {
  const last = code.lastChild?.firstChild;
  if (last instanceof Text) {
    const lines = last.data.split("\n").length - 1;
    if (lines < LINES) return { node: last, free: LINES - lines };
  }
  const node = document.createTextNode("");
  const piece = document.createElement("span");
  piece.className = "md-lines";
  piece.append(node);
  code.append(piece);
  return { node, free: LINES };
}

/**
 * @param {string} text
 * @param {number} from
 * @param {number} lines
 */
function endOfLine(text, from, lines) {
  let end = from;
  for (let line = 0; line < lines; line += 1) {
    const next = text.indexOf("\n", end);
    if (next < 0) return text.length;
    end = next + 1;
  }
  return end;
}
