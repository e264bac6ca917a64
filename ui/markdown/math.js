// Formulas: shown as they were written until they are drawn as MathML, by a library that is loaded with the first.

import { t } from "../strings.js";
import { element } from "./elements.js";

const MATHML = "http://www.w3.org/1998/Math/MathML";

/** All of MathML Core that draws something; no link, no picture, no HTML inside. */
const ELEMENTS = new Set(
  (
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle msub msup msubsup munder mover munderover mmultiscripts " +
    "mprescripts none mtable mtr mtd mlabeledtr menclose mpadded mphantom merror semantics"
  ).split(" "),
);
const ATTRIBUTES = new Set(
  (
    "accent accentunder columnalign columnlines columnspacing columnspan depth display displaystyle fence form height " +
    "largeop linethickness lspace mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits notation " +
    "rowlines rowspacing rowspan rspace scriptlevel separator stretchy symmetric voffset width"
  ).split(" "),
);
const CLASS = /^(?:tml|math)[a-z-]*$/;

/**
 * @param {string} tex
 * @param {boolean} isDisplay
 * @returns {HTMLElement}
 */
export function formula(tex, isDisplay) {
  const source = element("code", [tex.trim()], { dir: "ltr" });
  return element("span", [source], {
    class: isDisplay ? "md-math md-math-display" : "md-math",
    "data-tex": tex.trim(),
  });
}

/**
 * Draw a formula. One that cannot be drawn stays as it was written.
 *
 * @param {HTMLElement} source  The `<code>` of a `formula`.
 */
export async function drawFormula(source) {
  const span = source.parentElement;
  if (span === null) return;
  const { temml } = await import("../vendor/temml.js");
  try {
    const displayMode = span.classList.contains("md-math-display");
    const holder = document.createElement("span");
    temml.render(span.dataset.tex ?? "", holder, {
      displayMode,
      throwOnError: true,
      trust: false,
      maxSize: [20, 100],
      maxExpand: 200,
    });
    span.replaceChildren(...Array.from(holder.childNodes, cleaned));
  } catch {
    span.title = t("markdown.formulaFailed");
  }
}

/**
 * Copy what was drawn by a list of what is allowed: nothing of it then depends on how careful the library is.
 *
 * @param {Node} drawn
 * @returns {Node}
 */
function cleaned(drawn) {
  if (drawn instanceof Text) return document.createTextNode(drawn.data);
  if (!(drawn instanceof MathMLElement) || !ELEMENTS.has(drawn.localName)) throw new Error("not a formula");
  const copy = document.createElementNS(MATHML, drawn.localName);
  for (const { name, value } of drawn.attributes) if (ATTRIBUTES.has(name)) copy.setAttribute(name, value);
  const classes = [...drawn.classList].filter((name) => CLASS.test(name)).concat(classesFor(drawn.style));
  if (classes.length > 0) copy.setAttribute("class", classes.join(" "));
  if (drawn.style.color !== "") copy.setAttribute("mathcolor", drawn.style.color);
  if (drawn.style.backgroundColor !== "") copy.setAttribute("mathbackground", drawn.style.backgroundColor);
  copy.append(...Array.from(drawn.childNodes, cleaned));
  return copy;
}

/**
 * The page has no style attributes, so that what a formula needs of them stands in the style sheet.
 *
 * @param {CSSStyleDeclaration} style
 * @returns {string[]}
 */
function classesFor(style) {
  const sides = ["Top", "Right", "Bottom", "Left"];
  const ruled = sides
    .filter((side) => Reflect.get(style, `border${side}Style`) !== "")
    .map((side) => `md-rule-${side.toLowerCase()}`);
  const tight = ["Left", "Right"].filter((side) => /^0(?:em|ex|px|pt)?$/.test(Reflect.get(style, `padding${side}`)));
  return [...ruled, ...tight.map((side) => `md-tight-${side.toLowerCase()}`)];
}
