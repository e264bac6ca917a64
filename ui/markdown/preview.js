// What is shown of a text whose end is still coming: no half marks. What is closed here is closed for the eye only; the
// text itself stays as it is, and is read anew with what comes next.

import { remend } from "../vendor/answer.js";
import { closers } from "./closers.js";

/** Longer: shown as it stands. Closing spans takes time in proportion to the text, at every change. */
const LONGEST = 16_000;

/** Links and pictures only: it closes one kind of marks where two are open in each other. */
const LINKS = /** @type {const} */ ({
  linkMode: "text-only",
  bold: false,
  boldItalic: false,
  comparisonOperators: false,
  htmlTags: false,
  inlineCode: false,
  italic: false,
  katex: false,
  setextHeadings: false,
  singleTilde: false,
  strikethrough: false,
});

/** The marks of containers that a line may begin with. */
const MARKS = String.raw`^[ \t>]*(?:(?:[-+*]|\d{1,9}[.)])[ \t]+)*[ \t>]*`;

/** A line of nothing but marks, half a number or half a checkbox. */
const BARE = new RegExp(String.raw`${MARKS}(?:[-+*=#|:\x60~_\s>]*|\d{1,9}[.)]?|\[[ xX]?\]?)$`);

/** A fence before its line is whole: its language would be spelt out. */
const FENCE = new RegExp(String.raw`${MARKS}(?:\x60{3,}[^\x60]*|~{3,}.*)$`);

/** What may become a definition, which is not shown. */
const DEFINITION = /^ {0,3}\[[^\]]*(?:\](?::.*)?)?$/;

const TABLE_HEAD = new RegExp(String.raw`${MARKS}\|`);
const TABLE_DELIMITER = /^[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-*:?[ \t]*)*$/m;

/** At the very end: marks, half a character reference, half a tag that is formatting. */
const TRAILING = /(?:[*_~`[$]+|(?<![^\s*_([])!\[?|\\[([]?|&#?\w{0,31}|<(?:br? ?\/?|\/?(?:su?[bp]?|kb?d?)?)?)$/i;

/** The address of a link that has brackets of its own, as those of Wikipedia: the first closing one is not its end. */
const ADDRESS = /\]\([^()\s]*\([^()\s]*\)?$/;

/** What may become a link with the next character. */
const BRACKETS = /(?<!\\)!?\[([^[\]\\]*)\]$/;

/** Formatting that is written as a tag and not closed yet. */
const SPAN = /<(sub|sup|kbd)>[^<>]*$/i;

/**
 * @param {string} source
 * @returns {string} What to show.
 */
export function preview(source) {
  const whole = withoutHalfLine(source).trimEnd();
  if (whole.length > LONGEST) return whole;
  const shown = closeFormula(whole.replace(TRAILING, "").trimEnd()).replace(ADDRESS, "](").replace(BRACKETS, "$1");
  const span = SPAN.exec(shown)?.[1];
  const linked = remend(span === undefined ? shown : `${shown}</${span}>`, LINKS);
  return linked + closers(linked);
}

/** @param {string} source */
function withoutHalfLine(source) {
  const end = source.lastIndexOf("\n") + 1;
  const line = source.slice(end);
  const isHidden = BARE.test(line) || FENCE.test(line) || DEFINITION.test(line);
  return withoutTableHead(isHidden ? source.slice(0, end) : source);
}

/**
 * Hide the head of a table until the line under it has come: it would be seen as a line with bars.
 *
 * @param {string} shown
 */
function withoutTableHead(shown) {
  const text = shown.endsWith("\n") ? shown.slice(0, -1) : shown;
  const start = text.lastIndexOf("\n") + 1;
  if (!TABLE_HEAD.test(text.slice(start))) return shown;
  const paragraph = text.slice(text.lastIndexOf("\n\n") + 1);
  return TABLE_DELIMITER.test(paragraph) ? shown : shown.slice(0, start);
}

/**
 * Close a formula that has begun, unless that may be code.
 *
 * @param {string} shown
 */
function closeFormula(shown) {
  const last = Math.max(shown.lastIndexOf("\\("), shown.lastIndexOf("\\["));
  if (last >= 0 && shown[last - 1] !== "\\" && !/\\[)\]]/.test(shown.slice(last)) && !mayBeCode(shown.slice(0, last))) {
    return `${shown}${shown[last + 1] === "(" ? "\\)" : "\\]"}`;
  }
  const dollars = shown.split("$$").length - 1;
  return dollars % 2 === 1 && !mayBeCode(shown.slice(0, shown.lastIndexOf("$$"))) ? `${shown}$$` : shown;
}

/** @param {string} before */
function mayBeCode(before) {
  return before.includes("```") || before.includes("~~~") || (before.split("`").length - 1) % 2 === 1;
}
