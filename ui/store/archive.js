// The file that an export makes, written piece by piece: JSON with one row a line.
//
// {"format": "llms-chats", "version": 1, "exported": 1790000000000, "settings": {…},
//  "threads": [Thread, …], "drafts": [{"thread", "text"}, …], "messages": [Message, …]}
//
// A picture has its bytes as base64 in `data` in place of `blob`. A draft of the thread "" is the new thread's.

import { toBase64 } from "./base64.js";
import { slices } from "./slices.js";

/** @typedef {import("../types.js").Failure} Failure */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Thread} Thread */

export const FORMAT = "llms-chats";
export const VERSION = 1;

// Text is handed to a blob (which browsers keep outside the page's memory) once this much has gathered.
const PIECE_CHARS = 4 * 1024 * 1024;

/** @type {Failure} */
const INTERRUPTED = { code: "INTERRUPTED", detail: "", type: "", retryAt: null, raw: "", requestId: "" };

/**
 * @param {object} content
 * @param {Thread[]} content.threads
 * @param {{thread: string, text: string}[]} content.drafts
 * @param {(thread: string) => Promise<Message[]>} content.messages
 * @param {object} [content.settings]
 * @param {number} content.exported
 * @returns {Promise<Blob>}
 */
export async function archive({ threads, drafts, messages, settings, exported }) {
  const file = pieces("application/json");
  const head = { format: FORMAT, version: VERSION, exported, ...(settings === undefined ? {} : { settings }) };
  file.add(JSON.stringify(head).slice(0, -1));
  await addList(file, "threads", threads);
  await addList(file, "drafts", drafts);
  await addList(file, "messages", portable(threads, messages));
  file.add("\n}\n");
  return file.blob();
}

/**
 * @param {Thread[]} threads
 * @param {(thread: string) => Promise<Message[]>} messages
 */
async function* portable(threads, messages) {
  for (const { id } of threads) for (const message of await messages(id)) yield exportable(message);
}

/** @param {Message} message */
async function exportable(message) {
  const pictures = [];
  for (const { blob, ...picture } of message.pictures) pictures.push({ ...picture, data: await toBase64(blob) });
  const ended = ["done", "stopped", "failed"].includes(message.status);
  // Whatever reads the file, the answer is not coming there any more.
  return ended ? { ...message, pictures } : { ...message, pictures, status: "failed", failure: INTERRUPTED };
}

/**
 * @param {Pieces} file
 * @param {string} name
 * @param {Iterable<object> | AsyncIterable<object>} rows
 */
async function addList(file, name, rows) {
  const pause = slices();
  let separator = "\n";
  file.add(`,\n"${name}": [`);
  for await (const row of rows) {
    file.add(separator + JSON.stringify(row));
    separator = ",\n";
    await pause();
  }
  file.add("\n]");
}

/** @typedef {ReturnType<typeof pieces>} Pieces */

/** @param {string} type */
function pieces(type) {
  /** @type {Blob[]} */
  const full = [];
  /** @type {string[]} */
  let texts = [];
  let size = 0;
  return {
    /** @param {string} text */
    add(text) {
      texts.push(text);
      size += text.length;
      if (size < PIECE_CHARS) return;
      full.push(new Blob(texts));
      texts = [];
      size = 0;
    },
    blob: () => new Blob([...full, ...texts], { type }),
  };
}
