// JSON text cut at its brackets and commas, without ever holding all of it: a browser's strings end at about 500 MB, an
// export with many pictures does not.

import { refusal } from "./refusal.js";

/**
 * @typedef {object} Token
 * @property {string} text  What stands before the mark.
 * @property {string} mark  A bracket or a comma outside of quotes; empty at the end.
 */

const QUOTED = /["\\]/g;
const PLAIN = /["{}[\],]/g;

/**
 * @param {Blob} file
 * @returns {AsyncGenerator<Token>}
 * @throws {import("./errors.js").StoreError} Where it is not text.
 */
export async function* tokens(file) {
  const marks = createMarks();
  let text = "";
  for await (const chunk of chunks(file)) {
    let from = 0;
    for (const at of marks(chunk)) {
      yield { text: text + chunk.slice(from, at), mark: chunk[at] };
      text = "";
      from = at + 1;
    }
    text += chunk.slice(from);
  }
  yield { text, mark: "" };
}

/** @param {Blob} file */
async function* chunks(file) {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const reader = file.stream().getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      yield decoded(decoder, value);
      if (done) return;
    }
  } finally {
    await reader.cancel();
  }
}

/**
 * @param {TextDecoder} decoder
 * @param {Uint8Array | undefined} bytes Undefined: the end.
 */
function decoded(decoder, bytes) {
  try {
    return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
  } catch {
    throw refusal("import.notOurs");
  }
}

/** Give a function that finds the places of the marks in one chunk after the other. */
function createMarks() {
  let quoted = false;
  /** How far into the next chunk what a backslash escapes reaches. */
  let at = 0;

  /** @param {string} chunk */
  return function* marks(chunk) {
    for (;;) {
      const pattern = quoted ? QUOTED : PLAIN;
      pattern.lastIndex = at;
      const found = pattern.exec(chunk);
      if (found === null) break;
      at = found.index + (found[0] === "\\" ? 2 : 1);
      if (found[0] === '"') quoted = !quoted;
      else if (found[0] !== "\\") yield found.index;
    }
    at = Math.max(0, at - chunk.length);
  };
}
