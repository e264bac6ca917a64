// Bodies as the network delivers them, for the tests of ui/stream.

const encoder = new TextEncoder();

/** @param {string} text */
export function bytesOf(text) {
  return encoder.encode(text);
}

/**
 * @param {Uint8Array} bytes
 * @param {number[]} places  Where to cut, in order.
 */
export function cutAt(bytes, places) {
  const ends = [...places, bytes.length];
  return ends.map((end, number) => bytes.slice(ends[number - 1] ?? 0, end));
}

/**
 * Random places to cut `length` bytes at, the same ones for the same seed.
 *
 * @param {number} length
 * @param {number} seed
 */
export function placesIn(length, seed) {
  let state = seed;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const count = Math.floor(next() * 20);
  return Array.from({ length: count }, () => Math.floor(next() * length)).sort((one, other) => one - other);
}

/**
 * A body that gives these pieces and then ends, or fails with `error`, or goes on without a word where `open` is set.
 *
 * @param {(Uint8Array | string)[]} pieces
 * @param {{error?: Error, open?: boolean, onCancel?: () => void}} [end]
 * @returns {ReadableStream<Uint8Array<ArrayBuffer>>}
 */
export function bodyOf(pieces, { error, open = false, onCancel } = {}) {
  const left = [...pieces];
  return new ReadableStream(
    {
      pull(controller) {
        const piece = left.shift();
        if (piece !== undefined) controller.enqueue(new Uint8Array(typeof piece === "string" ? bytesOf(piece) : piece));
        else if (error !== undefined) controller.error(error);
        else if (!open) controller.close();
        else return new Promise(() => {});
      },
      cancel() {
        onCancel?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** @param {unknown} chunk */
export function event(chunk) {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

/**
 * @param {unknown} delta
 * @param {string | null} [finish]
 */
export function chunk(delta, finish = null) {
  return { choices: [{ index: 0, delta, finish_reason: finish }] };
}
