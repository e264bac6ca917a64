// A new thread that begins as an old one did. A plain function.

import { newId } from "../ids.js";
import { t } from "../strings.js";
import { copyOf, unfinished } from "./message_rows.js";
import { titleOf } from "./threads.js";

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Thread} Thread */

/**
 * @param {Thread} thread
 * @param {Message[]} path
 * @param {number} created
 * @returns {{thread: Thread, messages: Message[]}} With ids of their own. An answer that is still coming is copied as far
 *   as it is.
 */
export function forkOf(thread, path, created) {
  const id = newId();
  /** @type {Message[]} */
  const messages = [];
  for (const message of path) {
    const parent = messages.at(-1)?.id ?? null;
    const status = unfinished(message) ? "stopped" : message.status;
    messages.push({ ...copyOf(message), id: newId(), thread: id, parent, status });
  }
  const title = t("thread.forked", { title: titleOf(thread) });
  const head = messages.at(-1)?.id ?? null;
  return { thread: { ...thread, id, title, pinned: false, created, updated: created, head }, messages };
}
