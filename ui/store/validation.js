// Reading the file that an export made (archive.js) as rows. Everything is checked: the file may come from anywhere.

import { FORMAT, VERSION } from "./archive.js";
import { fromBase64 } from "./base64.js";
import { entries } from "./entries.js";
import { refusal } from "./refusal.js";
import { flag, list, number, oneOf, orNull, partial, record, text } from "./shapes.js";
import { mended } from "./tree.js";

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Picture} Picture */
/** @typedef {import("../types.js").Thread} Thread */
/** @typedef {import("../types.js").Parameters} Parameters */
/** @typedef {{thread: string, text: string}} Draft */
/** @typedef {{threads: Thread[], messages: Message[], drafts: Draft[]}} Rows */
/** @typedef {import("../settings.js").Settings} Settings */
/**
 * @template T
 * @typedef {import("./shapes.js").Shape<T>} Shape
 */

/**
 * @typedef {object} Archive
 * @property {Thread[]} threads
 * @property {Message[]} messages
 * @property {Draft[]} drafts
 * @property {Partial<Settings> | null} settings
 * @property {number} mended  How many rows named a message that is not in the file.
 */

// Limits against files made to harm, far above what a person or a model writes.
const NAME = text(10_000);
const TEXT = text(50_000_000);
const ID = text(200, 1);
const TIME = number(0, 8.64e15); // The last time that a Date can be.
const COUNT = number(0);
const MAX_PICTURE_CHARS = 128 * 1024 * 1024;

/** @type {Record<keyof Parameters, Shape<any>>} */
const PARAMETERS = {
  temperature: number(),
  top_p: number(),
  max_tokens: number(),
  presence_penalty: number(),
  frequency_penalty: number(),
  seed: number(),
  reasoning_effort: NAME,
  stop: list(NAME, 1_000),
};

/** @type {Record<keyof Settings, Shape<any>>} */
const SETTINGS = {
  stream: flag,
  typeOn: flag,
  theme: oneOf("system", "light", "dark"),
  lifeTimeoutS: number(1, 3600),
  model: NAME,
  favourites: list(NAME, 10_000),
};

const SHAPES = {
  threads: record({
    id: ID,
    title: TEXT,
    opening: TEXT,
    pinned: flag,
    created: TIME,
    updated: TIME,
    model: NAME,
    system: TEXT,
    parameters: partial(PARAMETERS),
    head: orNull(ID),
  }),
  messages: record({
    id: ID,
    thread: ID,
    parent: orNull(ID),
    role: oneOf("user", "assistant"),
    content: TEXT,
    pictures: list(picture, 1_000),
    reasoning: TEXT,
    reasoningMs: COUNT,
    // What a model or an upstream has named is as long as they like: what the page took must come back from a file.
    tools: list(record({ id: TEXT, name: TEXT, arguments: TEXT }), 10_000),
    status: oneOf("done", "stopped", "failed"),
    failure: orNull(
      record({ code: NAME, detail: TEXT, type: NAME, retryAt: orNull(TIME), raw: TEXT, requestId: NAME }),
    ),
    model: NAME,
    finish: orNull(TEXT),
    usage: orNull(
      record({ input: COUNT, output: COUNT, reasoning: COUNT, cached: COUNT, costUsd: orNull(COUNT) }),
    ),
    timing: orNull(record({ sentAt: TIME, firstMs: orNull(COUNT), totalMs: COUNT })),
    servedBy: orNull(record({ provider: NAME, model: NAME, requestId: NAME })),
    created: TIME,
  }),
  drafts: record({ thread: text(200), text: TEXT }),
};

const SETTINGS_OF = partial(SETTINGS);

/**
 * @param {Blob} file
 * @returns {Promise<Archive>}
 * @throws {import("./errors.js").StoreError} `IMPORT_INVALID`, with the path of what is wrong.
 */
export async function readArchive(file) {
  /** @type {Map<string, unknown>} */
  const head = new Map();
  /** @type {Rows} */
  const rows = { threads: [], messages: [], drafts: [] };
  for await (const { name, index, value } of entries(file)) {
    if (index === null) head.set(name, value);
    else if (Object.hasOwn(rows, name)) readRow(head, rows, { name, index, value });
  }
  checkFormat(head);
  const settings = head.has("settings") ? SETTINGS_OF(head.get("settings"), "settings") : null;
  return { ...rows, ...mended(rows), settings };
}

/**
 * @param {Map<string, unknown>} head
 * @param {Rows} rows
 * @param {{name: string, index: number, value: unknown}} entry
 */
function readRow(head, rows, { name, index, value }) {
  // Before the first row: of a file that is not ours, say that, not what its first row lacks.
  checkFormat(head);
  const path = `${name}[${index}]`;
  if (name === "threads") rows.threads.push({ ...SHAPES.threads(value, path), deleted: null });
  if (name === "messages") rows.messages.push(SHAPES.messages(value, path));
  if (name === "drafts") rows.drafts.push(SHAPES.drafts(value, path));
}

/** @param {Map<string, unknown>} head */
function checkFormat(head) {
  const version = head.get("version");
  if (head.get("format") !== FORMAT || typeof version !== "number") throw refusal("import.notOurs");
  if (version > VERSION) throw refusal("import.newer");
}

/** @type {Shape<Picture>} */
function picture(value, path) {
  const type = oneOf("image/png", "image/jpeg", "image/webp", "image/gif");
  const { data, ...rest } = record({ id: ID, name: NAME, type, data: text(MAX_PICTURE_CHARS) })(value, path);
  try {
    return { ...rest, blob: fromBase64(data, rest.type) };
  } catch {
    throw refusal("import.kind", `${path}.data`);
  }
}
