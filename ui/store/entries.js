// Reading a JSON object of any size: its members one by one and, of those that are lists, their elements one by one.

import { refusal } from "./refusal.js";
import { slices } from "./slices.js";
import { tokens } from "./tokens.js";

/** @typedef {import("./tokens.js").Token} Token */

/**
 * @typedef {object} Entry
 * @property {string} name  Of the member.
 * @property {number | null} index  In its list; null where the member is none.
 * @property {any} value
 */

// Of one entry: a message with its pictures. What a person attaches is far below it.
const MAX_CHARS = 256 * 1024 * 1024;

/**
 * @param {Blob} file
 * @returns {AsyncGenerator<Entry>}
 * @throws {import("./errors.js").StoreError} Where it is not such an object.
 */
export async function* entries(file) {
  const source = tokens(file);
  const first = await next(source);
  if (first.mark !== "{" || first.text.trim() !== "") throw refusal("import.notOurs");
  yield* members(source);
  const last = await next(source);
  if (last.mark !== "" || last.text.trim() !== "") throw refusal("import.broken", "}");
}

/**
 * @param {AsyncGenerator<Token>} source
 * @returns {AsyncGenerator<Entry>}
 */
async function* members(source) {
  /** @type {Set<string>} */
  const names = new Set();
  for (let mark = ","; mark !== "}"; ) {
    const start = await upTo(",}[", source, "{");
    mark = start.mark;
    if (names.size === 0 && mark === "}" && start.text.trim() === "") return;
    const [name, value] = member(start.mark === "[" ? `${start.text}null` : start.text);
    if (names.has(name)) throw refusal("import.twice", name);
    names.add(name);
    if (mark === "[") {
      yield* elements(name, source);
      mark = (await upTo(",}", source, name, "")).mark;
    } else {
      yield { name, index: null, value };
    }
  }
}

/**
 * @param {string} name
 * @param {AsyncGenerator<Token>} source
 * @returns {AsyncGenerator<Entry>}
 */
async function* elements(name, source) {
  const pause = slices();
  for (let index = 0, mark = ","; mark !== "]"; index += 1) {
    const path = `${name}[${index}]`;
    const element = await upTo(",]", source, path);
    mark = element.mark;
    if (index === 0 && mark === "]" && element.text.trim() === "") return;
    yield { name, index, value: parsed(element.text, path) };
    await pause();
  }
}

/**
 * Read up to one of some marks, over everything that is bracketed on the way.
 *
 * @param {string} stops
 * @param {AsyncGenerator<Token>} source
 * @param {string} path
 * @param {string} [only] What may stand there besides white space.
 * @returns {Promise<Token>}
 */
async function upTo(stops, source, path, only) {
  let text = "";
  for (let depth = 0; ; ) {
    const token = await next(source);
    text += token.text;
    if (text.length > MAX_CHARS) throw refusal("import.long", path);
    if (token.mark === "" || (only !== undefined && text.trim() !== only)) throw refusal("import.broken", path);
    if (depth === 0 && stops.includes(token.mark)) return { text, mark: token.mark };
    if ("{[".includes(token.mark)) depth += 1;
    if ("}]".includes(token.mark)) depth -= 1;
    text += token.mark;
  }
}

/**
 * @param {AsyncGenerator<Token>} source
 * @returns {Promise<Token>}
 */
async function next(source) {
  const { value } = await source.next();
  return value ?? { text: "", mark: "" };
}

/**
 * @param {string} text The quoted name, a colon, the value.
 * @returns {[string, any]}
 */
function member(text) {
  const [entry] = Object.entries(parsed(`{${text}}`, "{"));
  if (entry === undefined) throw refusal("import.broken", "{");
  return entry;
}

/**
 * @param {string} text
 * @param {string} path
 */
function parsed(text, path) {
  try {
    return JSON.parse(text);
  } catch {
    throw refusal("import.broken", path);
  }
}
