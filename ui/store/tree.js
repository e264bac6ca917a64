// The messages of an imported file as trees: what is impossible is refused, what is missing is mended, so that a file
// that lost a message still gives back all the others.

import { refusal } from "./refusal.js";

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Thread} Thread */

/**
 * @param {{threads: Thread[], messages: Message[]}} rows
 * @returns {{threads: Thread[], messages: Message[], mended: number}} A message whose parent is missing becomes a first
 *   one; a thread whose head is missing shows its newest message.
 * @throws {import("./errors.js").StoreError}
 */
export function mended({ threads, messages }) {
  const threadsById = byId(threads, "threads");
  const messagesById = byId(messages, "messages");
  messages.forEach((message, index) => checkPlace(message, `messages[${index}]`, { threadsById, messagesById }));
  checkCircles(messages, messagesById);
  const whole = messages.map((row) => {
    const isThere = row.parent === null || messagesById.has(row.parent);
    return isThere ? row : { ...row, parent: null };
  });
  const newest = newestOf(whole);
  const headed = threads.map((row) => {
    const isThere = row.head === null ? !newest.has(row.id) : messagesById.get(row.head)?.thread === row.id;
    return isThere ? row : { ...row, head: newest.get(row.id)?.id ?? null };
  });
  return { threads: headed, messages: whole, mended: changed(messages, whole) + changed(threads, headed) };
}

/**
 * @template {{id: string}} T
 * @param {T[]} rows
 * @param {string} list
 * @returns {Map<string, T>}
 */
function byId(rows, list) {
  const found = new Map();
  rows.forEach((row, index) => {
    if (found.has(row.id)) throw refusal("import.twice", `${list}[${index}].id`);
    found.set(row.id, row);
  });
  return found;
}

/**
 * @param {Message} message
 * @param {string} path
 * @param {{threadsById: Map<string, Thread>, messagesById: Map<string, Message>}} known
 */
function checkPlace(message, path, { threadsById, messagesById }) {
  if (!threadsById.has(message.thread)) throw refusal("import.thread", `${path}.thread`);
  const parent = message.parent === null ? undefined : messagesById.get(message.parent);
  if (parent !== undefined && parent.thread !== message.thread) throw refusal("import.elsewhere", `${path}.parent`);
}

/**
 * @param {Message[]} messages
 * @param {Map<string, Message>} messagesById
 */
function checkCircles(messages, messagesById) {
  /** Those from which the walk up is known to end. @type {Set<string>} */
  const rooted = new Set();
  messages.forEach((message, index) => {
    const walked = new Set();
    for (let at = message; !rooted.has(at.id); ) {
      if (walked.has(at.id)) throw refusal("import.circle", `messages[${index}].parent`);
      walked.add(at.id);
      const parent = at.parent === null ? undefined : messagesById.get(at.parent);
      if (parent === undefined) break;
      at = parent;
    }
    walked.forEach((id) => rooted.add(id));
  });
}

/**
 * @param {Message[]} messages
 * @returns {Map<string, Message>} For each thread.
 */
function newestOf(messages) {
  const newest = new Map();
  for (const row of messages) if (!(newest.get(row.thread)?.created > row.created)) newest.set(row.thread, row);
  return newest;
}

/**
 * @param {object[]} before
 * @param {object[]} after
 */
function changed(before, after) {
  return after.filter((row, index) => row !== before[index]).length;
}
