// Reads the body of a response as text, piece by piece, and lets go of it on every way out.

/** The longest event, and the longest answer that is not streamed: what goes on beyond it would fill the memory. */
export const MAX_CHARS = 16 * 1024 * 1024;

/**
 * Read a body. Resolves when it has ended, when no more of it is wanted, or when `signal` aborts.
 *
 * @param {ReadableStream<Uint8Array<ArrayBuffer>> | null} body
 * @param {(text: string) => boolean | void} onPiece  Called for every read, also for one that completes no character.
 *   `false`: no more is wanted. If it throws, so does this.
 * @param {AbortSignal} [signal]
 * @throws What the body fails with when the connection is lost.
 */
export async function readPieces(body, onPiece, signal) {
  if (body === null) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  // Not every body knows the signal that its request was made with, so the reader is told, too.
  const cancel = () => void reader.cancel().catch(() => {});
  signal?.addEventListener("abort", cancel);
  try {
    for (;;) {
      if (signal?.aborted) return;
      const { done, value } = await reader.read();
      if (signal?.aborted) return;
      const wanted = onPiece(decoder.decode(value, { stream: !done }));
      if (done || wanted === false) return;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    cancel(); // Nothing happens where the body has ended.
    reader.releaseLock();
  }
}

/**
 * Read a body to its end.
 *
 * @param {ReadableStream<Uint8Array<ArrayBuffer>> | null} body
 * @param {{onBytes?: () => void, maxChars?: number, signal?: AbortSignal}} [options]
 * @returns {Promise<string>}
 * @throws {RangeError} It is longer than `maxChars`.
 * @throws What the body fails with when the connection is lost.
 */
export async function readText(body, { onBytes, maxChars = MAX_CHARS, signal } = {}) {
  /** @type {string[]} */
  const pieces = [];
  let chars = 0;
  await readPieces(
    body,
    (text) => {
      onBytes?.();
      chars += text.length;
      if (chars > maxChars) throw new RangeError(`longer than ${maxChars} characters`);
      pieces.push(text);
    },
    signal,
  );
  return pieces.join("");
}
