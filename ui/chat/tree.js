// The messages of a thread are a tree: each names its parent. Plain functions over the map of them.
// What comes out of an import may be anything, so a parent that is missing is a root and a circle ends.

/** @typedef {import("../types.js").Message} Message */
/** @typedef {ReadonlyMap<string, Message>} Messages */
/** @typedef {ReadonlyMap<string | null, Message[]>} Children  By parent, oldest first. */

/**
 * @param {Messages} messages
 * @returns {Children}
 */
export function childrenOf(messages) {
  /** @type {Map<string | null, Message[]>} */
  const children = new Map();
  for (const message of messages.values()) {
    const parent = parentOf(messages, message);
    const known = children.get(parent);
    if (known) known.push(message);
    else children.set(parent, [message]);
  }
  for (const siblings of children.values()) siblings.sort(older);
  return children;
}

/**
 * @param {Messages} messages
 * @param {string | null} head
 * @returns {Message[]} From the root to `head`; to the newest leaf where there is no such message.
 */
export function pathTo(messages, head) {
  let message = messages.get(head ?? "") ?? newestLeaf(messages, childrenOf(messages), null);
  /** @type {Message[]} */
  const path = [];
  const seen = new Set();
  while (message && !seen.has(message.id)) {
    seen.add(message.id);
    path.push(message);
    message = messages.get(message.parent ?? "");
  }
  return path.reverse();
}

/**
 * @param {Messages} messages
 * @param {Children} children
 * @param {Message} message
 * @returns {Message[]} The messages with the same parent, oldest first, itself among them.
 */
export function siblingsOf(messages, children, message) {
  return children.get(parentOf(messages, message)) ?? [message];
}

/**
 * @param {Messages} messages
 * @param {Message | null} from  `null`: anywhere in the thread.
 * @returns {Message | undefined} The newest of the leaves under it; itself where it is one.
 */
export function leafOf(messages, from) {
  return newestLeaf(messages, childrenOf(messages), from);
}

/**
 * @param {Messages} messages
 * @param {Children} children
 * @param {Message | null} from
 */
function newestLeaf(messages, children, from) {
  /** @type {Message | undefined} */
  let newest;
  const seen = new Set();
  const waiting = from ? [from] : [...(children.get(null) ?? [])];
  for (let message = waiting.pop(); message; message = waiting.pop()) {
    if (seen.has(message.id)) continue;
    seen.add(message.id);
    const below = children.get(message.id) ?? [];
    waiting.push(...below);
    if (below.length === 0 && (!newest || older(newest, message) < 0)) newest = message;
  }
  return newest ?? from ?? [...messages.values()].at(-1);
}

/**
 * @param {Messages} messages
 * @param {Message} message
 */
function parentOf(messages, message) {
  return message.parent !== null && messages.has(message.parent) ? message.parent : null;
}

/**
 * @param {Message} one
 * @param {Message} other
 */
function older(one, other) {
  return one.created - other.created || (one.id < other.id ? -1 : 1);
}
