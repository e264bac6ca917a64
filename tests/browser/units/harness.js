// What the JavaScript unit tests are written with. A test file is a module; importing it registers its tests, `run`
// plays them one after the other, so that they may share storage and clocks.

/** @type {{name: string, body: () => unknown}[]} */
const tests = [];

const LIMIT_MS = 20_000;

/**
 * @param {string} name  One sentence of behaviour.
 * @param {() => unknown} body  May be asynchronous; fails by throwing.
 */
export function test(name, body) {
  tests.push({ name, body });
}

/** @returns {Promise<{name: string, failure: string}[]>} Every test, with an empty failure where it passed. */
export async function run() {
  const results = [];
  for (const { name, body } of tests) results.push({ name, failure: await outcome(body) });
  return results;
}

/** @param {() => unknown} body */
async function outcome(body) {
  let timer = 0;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took more than ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  try {
    await Promise.race([body(), late]);
    return "";
  } catch (error) {
    return error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {unknown} condition
 * @param {string} [message]
 * @returns {asserts condition}
 */
export function assert(condition, message = "not so") {
  if (!condition) throw new Error(message);
}

/**
 * Compare by value: plain objects, arrays, maps, sets, dates and typed arrays as deep as they go.
 *
 * @param {unknown} expected
 * @param {unknown} actual
 * @param {string} [message]
 */
export function assertEqual(expected, actual, message = "") {
  const [wanted, found] = [show(expected), show(actual)];
  if (wanted !== found) throw new Error(`${message}\nexpected ${wanted}\nactual   ${found}`);
}

/**
 * @param {() => unknown} body  May be asynchronous.
 * @param {string} [part]  Of the message.
 * @returns {Promise<any>} What was thrown.
 */
export async function assertThrows(body, part = "") {
  try {
    await body();
  } catch (error) {
    assert(String(error).includes(part), `thrown, but not with ${JSON.stringify(part)}: ${error}`);
    return error;
  }
  throw new Error("nothing was thrown");
}

/**
 * Wait until something is so, a few seconds at most.
 *
 * @param {() => unknown} condition  May be asynchronous.
 * @param {string} [message]
 */
export async function until(condition, message = "it never came true") {
  const end = performance.now() + 5_000;
  while (!(await condition())) {
    assert(performance.now() < end, message);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** @param {unknown} value */
function show(value) {
  return JSON.stringify(plain(value), null, 1) ?? String(value);
}

/**
 * @param {unknown} value
 * @returns {unknown} The same as JSON can hold it, keys in order, so that equal values are written the same.
 */
function plain(value) {
  if (value === undefined) return "«undefined»";
  if (typeof value === "number" && !Number.isFinite(value)) return `«${value}»`;
  if (typeof value === "bigint" || typeof value === "function") return `«${value}»`;
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return { "«map»": [...value].map(plain) };
  if (value instanceof Set) return { "«set»": [...value].map(plain) };
  if (value instanceof Date) return { "«date»": value.getTime() };
  if (value instanceof Error) return { "«error»": `${value.name}: ${value.message}` };
  if (ArrayBuffer.isView(value)) return { "«bytes»": Array.from(new Uint8Array(value.buffer)) };
  if (value instanceof Blob) return { "«blob»": [value.size, value.type] };
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([name, inner]) => [name, plain(inner)]));
}
