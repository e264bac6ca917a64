// What of an imported file is written, and under which ids. Nothing that is there is ever overwritten: a thread that is
// there already is left as it is, one that differs comes in beside it as a copy.

import { newId } from "../ids.js";
import { t } from "../strings.js";

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Picture} Picture */
/** @typedef {import("../types.js").Thread} Thread */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./validation.js").Archive} Archive */
/** @typedef {import("./validation.js").Draft} Draft */

/** @typedef {{thread: Thread, messages: Message[], draft: string}} Conversation */

/**
 * @typedef {object} Merge
 * @property {Required<import("./store.js").Together>} rows  To be written.
 * @property {number} skipped  Threads that are there already.
 * @property {number} copied  Threads that come in under a new id.
 */

/**
 * @param {Store} store
 * @param {Archive} archive
 * @returns {Promise<Merge>}
 */
export async function merge(store, archive) {
  /** @type {Merge} */
  const merged = { rows: { threads: [], messages: [], drafts: [] }, skipped: 0, copied: 0 };
  for (const conversation of conversations(archive)) {
    const place = await placeOf(store, conversation);
    const { thread, messages, draft } = place === "beside" ? copy(conversation) : conversation;
    if (place === "beside") merged.copied += 1;
    if (place === "there") {
      merged.skipped += 1;
    } else {
      merged.rows.threads.push(thread);
      for (const message of messages) merged.rows.messages.push(message);
    }
    await addDraft(store, merged, { thread: thread.id, text: draft });
  }
  for (const draft of archive.drafts) if (draft.thread === "") await addDraft(store, merged, draft);
  return merged;
}

/**
 * @param {Store} store
 * @param {Merge} merged
 * @param {Draft} draft
 */
async function addDraft(store, { rows }, draft) {
  // One that is there is the person's latest.
  if (draft.text !== "" && (await store.draft(draft.thread)) === "") rows.drafts.push(draft);
}

/**
 * @param {Archive} archive
 * @returns {Conversation[]}
 */
function conversations({ threads, messages, drafts }) {
  /** @type {Map<string, Conversation>} */
  const found = new Map(threads.map((thread) => [thread.id, { thread, messages: [], draft: "" }]));
  for (const message of messages) found.get(message.thread)?.messages.push(message);
  for (const { thread, text } of drafts) {
    const conversation = found.get(thread);
    if (conversation !== undefined) conversation.draft = text;
  }
  return [...found.values()];
}

/**
 * @param {Store} store
 * @param {Conversation} conversation
 * @returns {Promise<"new" | "there" | "beside">}
 */
async function placeOf(store, { thread, messages }) {
  const present = await store.thread(thread.id);
  if (present === null) {
    const taken = await store.known(messages.map((message) => message.id));
    return taken.length === 0 ? "new" : "beside";
  }
  // An export of some time ago adds nothing to a thread that has gone on since, all of its messages being there.
  const older = thread.updated < present.updated || same(thread, present);
  return present.deleted === null && older && (await holds(store, messages)) ? "there" : "beside";
}

/**
 * @param {Store} store
 * @param {Message[]} messages Of one thread.
 */
async function holds(store, messages) {
  if (messages.length === 0) return true;
  const present = new Map((await store.messages(messages[0].thread)).map((message) => [message.id, message]));
  for (const message of messages) {
    const other = present.get(message.id);
    if (other === undefined || !(await sameMessage(message, other))) return false;
  }
  return true;
}

/**
 * @param {Message} one
 * @param {Message} other
 */
async function sameMessage({ pictures, ...one }, { pictures: others, ...other }) {
  if (!same(one, other) || pictures.length !== others.length) return false;
  for (const [index, picture] of pictures.entries()) if (!(await samePicture(picture, others[index]))) return false;
  return true;
}

/**
 * @param {Picture} one
 * @param {Picture} other
 */
async function samePicture({ blob, ...one }, { blob: otherBlob, ...other }) {
  if (!same(one, other) || blob.size !== otherBlob.size) return false;
  const [bytes, others] = (await Promise.all([blob.arrayBuffer(), otherBlob.arrayBuffer()])).map(
    (buffer) => new Uint8Array(buffer),
  );
  return bytes.every((byte, index) => byte === others[index]);
}

/**
 * Whether two values that JSON can hold are equal, whatever the order of their fields.
 *
 * @param {unknown} one
 * @param {unknown} other
 * @returns {boolean}
 */
function same(one, other) {
  if (one === null || other === null || typeof one !== "object" || typeof other !== "object") return one === other;
  const [entries, count] = [Object.entries(one), Object.keys(other).length];
  return entries.length === count && entries.every(([name, value]) => same(value, Reflect.get(other, name)));
}

/**
 * @param {Conversation} conversation
 * @returns {Conversation} The same under new ids, named as imported.
 */
function copy({ thread, messages, draft }) {
  const ids = new Map(messages.map((message) => [message.id, newId()]));
  /** @param {string | null} id */
  const renamed = (id) => (id === null ? null : (ids.get(id) ?? null));
  const id = newId();
  const title = t("import.copy", { title: thread.title || thread.opening });
  return {
    thread: { ...thread, id, title, head: renamed(thread.head) },
    messages: messages.map((message) => ({
      ...message,
      id: /** @type {string} */ (ids.get(message.id)),
      thread: id,
      parent: renamed(message.parent),
    })),
    draft,
  };
}
