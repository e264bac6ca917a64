// Making nodes that are in the page the same as new ones, touching as little as possible: a person may have selected
// part of them.

/**
 * An element that grows: its children up to `last` are finished, what comes is put behind them.
 *
 * @typedef {object} Frame
 * @property {Element} element
 * @property {ChildNode | null} last
 * @property {number} skip  How many children a new version of the element repeats before those that come.
 * @property {boolean} loose  For a list: whether its finished items make it a loose one.
 */

/**
 * Make the children of a node, from one of them on, the same as these.
 *
 * @param {Node} parent
 * @param {ChildNode | null} from
 * @param {ChildNode[]} fresh
 * @param {Frame[]} [frames]  The element that the first of them continues, and inside it the next one, and so on.
 */
export function patch(parent, from, fresh, frames = []) {
  let old = from;
  for (const [at, node] of fresh.entries()) {
    const next = old?.nextSibling ?? null;
    if (at === 0 && frames.length > 0) {
      grow(frames, /** @type {Element} */ (node));
    } else if (old === null) {
      parent.appendChild(node);
    } else if (!morph(old, node)) {
      parent.replaceChild(node, old);
    }
    old = next;
  }
  if (fresh.length === 0 && frames.length > 0) old = old?.nextSibling ?? null;
  while (old !== null) {
    const next = old.nextSibling;
    old.remove();
    old = next;
  }
}

/**
 * Whether a new version of the outermost growing element still is the same kind of element, and so on inwards.
 *
 * @param {Frame[]} frames
 * @param {Node | undefined} node
 * @returns {boolean}
 */
export function continues([frame, ...inner], node) {
  if (frame === undefined) return true;
  return node?.nodeName === frame.element.nodeName && continues(inner, node.childNodes[frame.skip]);
}

/**
 * @param {Frame[]} frames
 * @param {Element} fresh
 */
function grow([{ element, last, skip, loose }, ...inner], fresh) {
  const from = last === null ? element.firstChild : last.nextSibling;
  if (loose || fresh.className === "md-loose") element.className = "md-loose";
  else if (element.className === "md-loose") element.removeAttribute("class");
  patch(element, from, [...fresh.childNodes].slice(skip), inner);
}

/**
 * Make a node the same as another one.
 *
 * @param {Node} old
 * @param {Node} fresh
 * @returns {boolean} Whether that could be done.
 */
function morph(old, fresh) {
  if (old.nodeName !== fresh.nodeName) return false;
  if (old instanceof Text && fresh instanceof Text) {
    setText(old, fresh.data);
    return true;
  }
  if (!(old instanceof Element && fresh instanceof Element)) return false;
  if (old.isEqualNode(fresh)) return true;
  if (isSettled(old) || isSettled(fresh)) return hasSameSource(old, fresh);
  setAttributes(old, fresh);
  patch(old, old.firstChild, [...fresh.childNodes]);
  return true;
}

/**
 * @param {Text} old
 * @param {string} text
 */
function setText(old, text) {
  if (old.data === text) return;
  if (text.startsWith(old.data)) old.appendData(text.slice(old.length));
  else old.data = text;
}

/**
 * @param {Element} old
 * @param {Element} fresh
 */
function setAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}

/** @param {Element} element Whether it is code that was coloured, or a formula: they are not what was made first. */
function isSettled(element) {
  return element.classList.contains("hljs") || element.classList.contains("md-math");
}

/**
 * @param {Element} old
 * @param {Element} fresh
 */
function hasSameSource(old, fresh) {
  if (!(old instanceof HTMLElement && fresh instanceof HTMLElement)) return false;
  if (fresh.dataset.tex !== undefined)
    return old.dataset.tex === fresh.dataset.tex && old.className === fresh.className;
  return old.dataset.language === fresh.dataset.language && old.textContent === fresh.textContent;
}
