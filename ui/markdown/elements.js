// Making elements. Nothing that a model wrote reaches the page but as text, as the value of a checked address, or as
// the value of an attribute that no browser acts on.

/** @typedef {(Node | string)[]} Parts */

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Parts} [parts]
 * @param {Record<string, string>} [attributes]
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, parts = [], attributes = {}) {
  const made = document.createElement(name);
  fill(made, parts);
  // Last: where `dir=auto` is already set, Chromium looks through the element again for every child that is appended.
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}

/**
 * Append the parts; texts that follow each other become one node, as they would be after `normalize`.
 *
 * @param {Node} parent
 * @param {Parts} parts
 */
export function fill(parent, parts) {
  let text = "";
  const flush = () => {
    if (text !== "") parent.appendChild(document.createTextNode(text));
    text = "";
  };
  for (const part of parts) {
    if (typeof part === "string") {
      text += part;
    } else {
      flush();
      parent.appendChild(part);
    }
  }
  flush();
}
