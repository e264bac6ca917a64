// Colours code by classes. The highlighter is loaded with the first block that names a language.

/** A longer block stays plain: colouring takes its time, and nobody reads it through. */
const LONGEST = 50_000;

/**
 * Colour a block whose language is known; it is never guessed.
 *
 * @param {HTMLElement} code  With `data-language`.
 */
export async function highlight(code) {
  const text = code.textContent ?? "";
  const language = code.dataset.language ?? "";
  if (text.length > LONGEST) return;
  const { hljs } = await import("../vendor/hljs.js");
  if (hljs.getLanguage(language) === undefined) return;
  const result = hljs.highlight(text, { language, ignoreIllegals: true });
  const coloured = document.createDocumentFragment();
  // Private, but the only way to the tokens without markup; a test holds it fast.
  appendTokens(coloured, Reflect.get(result._emitter, "rootNode"));
  code.replaceChildren(coloured);
  code.classList.add("hljs");
}

/**
 * @typedef {object} Scope  A node of the highlighter's tree.
 * @property {string} [scope]
 * @property {(Scope | string)[]} children
 */

/**
 * @param {Node} parent
 * @param {Scope} node
 */
function appendTokens(parent, node) {
  for (const child of node.children) {
    if (typeof child === "string") {
      parent.appendChild(document.createTextNode(child));
    } else {
      const target = child.scope === undefined ? parent : parent.appendChild(document.createElement("span"));
      if (target instanceof HTMLElement && target !== parent) target.className = classOf(child.scope ?? "");
      appendTokens(target, child);
    }
  }
}

/** @param {string} scope `title.function` gives `hljs-title function_`, as in the highlighter's own style sheets. */
function classOf(scope) {
  if (scope.startsWith("language:")) return "";
  const [first, ...rest] = scope.split(".");
  return [`hljs-${first}`, ...rest.map((part, at) => `${part}${"_".repeat(at + 1)}`)].join(" ");
}
