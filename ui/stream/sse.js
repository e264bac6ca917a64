// From the body of a response to server-sent events: the same ones however the network cuts the bytes.

import { createParser } from "../vendor/events.js";
import { MAX_CHARS, readPieces } from "./pieces.js";

/**
 * @typedef {object} EventReader
 * @property {(event: {data: string, id?: string}) => boolean | void} onEvent  `false`: no more events are wanted.
 * @property {() => void} [onBytes]  Called for every read: also a comment, or half an event, is a sign of life.
 * @property {number} [maxEventChars]
 * @property {AbortSignal} [signal]
 */

/**
 * Read a stream of events. Resolves when it has ended, when no more is wanted, or when `signal` aborts. An event that
 * the end of the stream cuts short is dropped, as the standard says.
 *
 * @param {ReadableStream<Uint8Array<ArrayBuffer>> | null} body
 * @param {EventReader} reader
 * @throws {RangeError} An event is longer than `maxEventChars`; those before it have been given.
 * @throws What `onEvent` throws, and what the body fails with when the connection is lost.
 */
export async function readEvents(body, { onEvent, onBytes, maxEventChars = MAX_CHARS, signal }) {
  let wanted = true;
  let tooLong = false;
  const parser = createParser({
    onEvent({ data, id }) {
      // The parser's own limit is for what it keeps between two reads: an event that one read holds whole passes it.
      tooLong ||= wanted && data.length > maxEventChars;
      if (wanted && !tooLong) wanted = onEvent({ data, id }) !== false;
    },
    onError(error) {
      tooLong ||= wanted && error.type === "max-buffer-size-exceeded";
    },
    maxBufferSize: maxEventChars,
  });
  await readPieces(
    body,
    (text) => {
      onBytes?.();
      parser.feed(text);
      if (tooLong) throw new RangeError(`an event is longer than ${maxEventChars} characters`);
      return wanted;
    },
    signal,
  );
}
