// Everything that is kept, or one thread, into a file and back.

import { archive } from "./archive.js";
import { markdown } from "./markdown.js";
import { merge } from "./merge.js";
import { readArchive } from "./validation.js";

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Thread} Thread */
/** @typedef {import("./store.js").Store} Store */

/**
 * @typedef {object} Imported
 * @property {number} threads  How many were written, copies among them.
 * @property {number} messages
 * @property {number} skipped  Threads that were there already.
 * @property {number} copied  Threads that came in beside one that differs.
 * @property {number} mended  Rows that named a message that the file does not have.
 * @property {Partial<import("../settings.js").Settings> | null} settings  What the file has; applying it is up to the
 *   person.
 */

/**
 * @param {Store} store
 * @param {object} [settings] To be put into the file.
 * @returns {Promise<Blob>}
 */
export async function exportAll(store, settings) {
  const exported = Date.now();
  const threads = (await store.threads()).filter((thread) => thread.deleted === null);
  const file = await archiveOf(store, threads, { exported, settings, fresh: true });
  // The export is what helps where storage is full: it must not fail because its date cannot be kept.
  await store.putMeta("lastExport", exported).catch(() => {});
  return file;
}

/**
 * @param {Store} store
 * @param {string} id
 * @param {"json" | "markdown"} format JSON holds all branches and can be imported, Markdown the one that is shown.
 * @returns {Promise<Blob>} Empty where there is no such thread.
 */
export async function exportThread(store, id, format) {
  const thread = await store.thread(id);
  if (thread === null) return new Blob();
  if (format === "json") return archiveOf(store, [thread], { exported: Date.now(), fresh: false });
  const shown = branch(thread, await store.messages(id));
  return new Blob([markdown(thread, shown)], { type: "text/markdown" });
}

/**
 * Add what a file holds. Threads that are there already stay as they are; those that differ come in as copies.
 *
 * @param {Store} store
 * @param {Blob} file
 * @returns {Promise<Imported>}
 * @throws {import("./errors.js").StoreError} `IMPORT_INVALID` where the file is bad; then nothing is written.
 */
export async function importAll(store, file) {
  const archived = await readArchive(file);
  const { rows, skipped, copied } = await merge(store, archived);
  await store.put(rows, { keep: false });
  const { threads, messages } = rows;
  const { mended, settings } = archived;
  return { threads: threads.length, messages: messages.length, skipped, copied, mended, settings };
}

/**
 * @param {Store} store
 * @param {Thread[]} threads Read before their messages: what is written meanwhile then leaves no message unparented.
 * @param {{exported: number, settings?: object, fresh: boolean}} options `fresh`: with the draft of the new thread.
 */
async function archiveOf(store, threads, { exported, settings, fresh }) {
  const drafts = [];
  for (const thread of [...threads.map((row) => row.id), ...(fresh ? [""] : [])]) {
    const text = await store.draft(thread);
    if (text !== "") drafts.push({ thread, text });
  }
  return archive({ threads, drafts, messages: store.messages, settings, exported });
}

/**
 * @param {Thread} thread
 * @param {Message[]} messages
 * @returns {Message[]} From the first message to the head.
 */
function branch(thread, messages) {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const path = [];
  for (let at = byId.get(thread.head ?? ""); at !== undefined; at = byId.get(at.parent ?? "")) {
    path.push(at);
    byId.delete(at.id); // A circle, which only a fault could make, ends.
  }
  return path.reverse();
}
