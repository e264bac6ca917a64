// What an answer may be made of, and nothing else. Anything that is not listed here is a finding.

const HTML = new Set(
  (
    "P H1 H2 H3 H4 H5 H6 UL OL LI BLOCKQUOTE HR BR PRE CODE STRONG EM DEL SUB SUP KBD A IMG BUTTON SPAN DIV TABLE THEAD " +
    "TBODY TR TH TD INPUT"
  ).split(" "),
);
const MATHML = new Set(
  (
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle msub msup msubsup munder mover munderover mmultiscripts " +
    "mprescripts none mtable mtr mtd mlabeledtr menclose mpadded mphantom merror semantics"
  ).split(" "),
);

/** By element, `*` for all of HTML. The values of these do nothing. */
const ATTRIBUTES = {
  "*": ["class", "dir"],
  A: ["href", "target", "rel", "title"],
  BUTTON: ["type", "title", "data-open"],
  CODE: ["data-language"],
  DIV: ["tabindex"],
  IMG: ["src", "alt"],
  INPUT: ["type", "disabled", "checked", "aria-label"],
  OL: ["start"],
  PRE: ["tabindex"],
  SPAN: ["title", "data-tex"],
};
const MATHML_ATTRIBUTES = new Set(
  (
    "accent accentunder class columnalign columnlines columnspacing columnspan depth display displaystyle fence form height " +
    "largeop linethickness lspace mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits notation " +
    "rowlines rowspacing rowspan rspace scriptlevel separator stretchy symmetric voffset width"
  ).split(" "),
);

/**
 * @param {ParentNode} root
 * @returns {string[]} What must not be there.
 */
export function audit(root) {
  return [...root.querySelectorAll("*")].flatMap((node) => (node instanceof MathMLElement ? mathml(node) : html(node)));
}

/** @param {Element} node */
function html(node) {
  const found = HTML.has(node.tagName) ? [] : [`<${node.tagName}>`];
  const allowed = [...ATTRIBUTES["*"], ...(Reflect.get(ATTRIBUTES, node.tagName) ?? [])];
  for (const { name, value } of node.attributes) {
    const isSafe = allowed.includes(name) && isHarmless(name, value);
    if (!isSafe) found.push(`<${node.tagName} ${name}=${JSON.stringify(value.slice(0, 80))}>`);
  }
  if (node.tagName === "INPUT" && !node.matches("[type=checkbox][disabled]"))
    found.push("an input that is not a dead box");
  if (node.matches("a:not([href^='#'])") && !node.matches("a[target=_blank][rel='noopener noreferrer nofollow']"))
    found.push("a bare link");
  return found;
}

/** @param {Element} node */
function mathml(node) {
  const found = MATHML.has(node.localName) ? [] : [`<${node.localName}>`];
  for (const { name, value } of node.attributes)
    if (!MATHML_ATTRIBUTES.has(name) || /url|script|:/i.test(value)) found.push(`<${node.localName} ${name}=${value}>`);
  return found;
}

/**
 * @param {string} name
 * @param {string} value
 */
function isHarmless(name, value) {
  if (name === "href") return /^(?:https?:\/\/[^/]|mailto:|#[\p{L}\p{N}_-]+$)/u.test(value);
  if (name === "data-open") return /^https?:\/\/[^/]/.test(value);
  if (name === "src") return /^data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+$/.test(value);
  return true;
}
