// The store: threads, messages, drafts and notes about them, in IndexedDB, or in memory where the browser has none.

import { connect } from "./connection.js";
import { StoreError, storeError } from "./errors.js";
import { memoryRows } from "./memory.js";
import { createProblems } from "./problems.js";
import { databaseRows } from "./rows.js";
import { STEPS, TABLES } from "./schema.js";
import { keepUnsaved } from "./unsaved.js";

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Thread} Thread */
/** @typedef {import("./problems.js").Problems} Problems */
/** @typedef {import("./rows.js").Change} Change */
/** @typedef {import("./rows.js").Rows} Rows */
/** @typedef {import("./search.js").Hit} Hit */

/**
 * Rows that are written together. Drafts belong to a thread; `""` is the thread that is not there yet.
 *
 * @typedef {object} Together
 * @property {Thread[]} [threads]
 * @property {Message[]} [messages]
 * @property {{thread: string, text: string}[]} [drafts]
 */

/**
 * What cannot be read or written rejects with a `StoreError`. Rows that could not be written stay readable until the
 * page is closed; writing them again is up to the caller. A row that is read is the reader's own.
 *
 * @typedef {object} Store
 * @property {string} name
 * @property {boolean} lasting  Whether anything stays when the page is closed.
 * @property {() => Promise<Thread[]>} threads  All of them, in no order, with those that are marked as deleted.
 * @property {(id: string) => Promise<Thread | null>} thread
 * @property {(thread: string) => Promise<Message[]>} messages  The oldest first.
 * @property {(ids: string[]) => Promise<string[]>} known  Those of these ids that messages have.
 * @property {(thread: Thread) => Promise<void>} putThread
 * @property {(message: Message) => Promise<void>} putMessage  Costs what the message costs, however long its thread.
 * @property {(rows: Together, options?: {keep?: boolean}) => Promise<void>} put  All of them or none; `keep: false`:
 *   those that could not be written are dropped.
 * @property {(id: string) => Promise<void>} removeThread  For good, with its messages and its draft.
 * @property {(thread: string) => Promise<string>} draft  Empty where there is none.
 * @property {(thread: string, text: string) => Promise<void>} putDraft
 * @property {(key: string) => Promise<any>} meta  `null` where there is none.
 * @property {(key: string, value: unknown) => Promise<void>} putMeta
 * @property {(text: string, options?: {limit?: number, signal?: AbortSignal}) => Promise<Hit[]>} search
 * @property {() => Promise<void>} wipe
 * @property {() => void} close
 * @property {(fn: (problem: StoreError) => void) => () => void} onProblem  Follow what the person must know: no space,
 *   nothing kept, taken over by a newer version. What already stands is told at once. Gives what ends it.
 */

/**
 * @typedef {object} StoreOptions
 * @property {readonly import("./schema.js").Step[]} [steps]
 * @property {number} [blockedMs]
 * @property {typeof import("../vendor/core.js").openDB} [open]
 */

/**
 * Open the store, in memory where it must be: then it is not `lasting`, and a problem says why.
 *
 * @param {string} [name]
 * @param {StoreOptions} [options]
 * @returns {Promise<Store>}
 */
export async function openStore(name = "llms", { steps = STEPS, blockedMs = 3_000, open } = {}) {
  const problems = createProblems();
  try {
    const connection = await connect(name, { steps, blockedMs, open, onProblem: problems.stand });
    return createStore({ name, lasting: true, rows: keepUnsaved(databaseRows(connection)), problems });
  } catch (error) {
    return openMemoryStore(name, asReason(error));
  }
}

/**
 * @param {string} [name]
 * @param {StoreError} [reason] Why nothing is kept.
 * @returns {Store}
 */
export function openMemoryStore(name = "llms", reason = new StoreError("STORAGE_NONE")) {
  const problems = createProblems();
  problems.stand(reason);
  return createStore({ name, lasting: false, rows: memoryRows(), problems });
}

/**
 * @param {unknown} error
 * @returns {StoreError}
 */
function asReason(error) {
  const problem = storeError(error);
  return problem.code === "STORAGE_FAILED" ? new StoreError("STORAGE_NONE", {}, error) : problem;
}

/**
 * @param {{name: string, lasting: boolean, rows: Rows, problems: Problems}} parts
 * @returns {Store}
 */
function createStore({ name, lasting, rows, problems }) {
  /** @type {Rows["write"]} */
  const write = (changes, keep) => problems.watch(rows.write(changes, keep));

  return {
    name,
    lasting,
    threads: () => rows.all("threads"),
    thread: async (id) => (await rows.get("threads", id)) ?? null,
    messages: (thread) => rows.messagesOf(thread),
    known: async (ids) => (await rows.messages(ids)).map((message) => message.id),
    putThread: (thread) => write([{ table: "threads", put: thread }]),
    putMessage: (message) => write([{ table: "messages", put: message }]),
    put: (together, { keep } = {}) => write(puts(together), keep),
    removeThread: (id) => write(removal(id)),
    draft: async (thread) => (await rows.get("drafts", thread))?.text ?? "",
    putDraft: (thread, text) => write([draftChange({ thread, text })]),
    meta: async (key) => (await rows.get("meta", key))?.value ?? null,
    putMeta: (key, value) => write([{ table: "meta", put: { key, value } }]),
    search: async (text, options) => (await import("./search.js")).search(rows, text, options),
    wipe: () => write(TABLES.map((table) => ({ table, clear: true }))),
    close: () => rows.close(),
    onProblem: problems.follow,
  };
}

/**
 * @param {Together} together
 * @returns {Change[]}
 */
function puts({ threads = [], messages = [], drafts = [] }) {
  return [
    ...threads.map((put) => /** @type {Change} */ ({ table: "threads", put })),
    ...messages.map((put) => /** @type {Change} */ ({ table: "messages", put })),
    ...drafts.map(draftChange),
  ];
}

/**
 * @param {string} thread
 * @returns {Change[]}
 */
function removal(thread) {
  return [
    { table: "threads", remove: thread },
    { table: "messages", removeOf: thread },
    { table: "drafts", remove: thread },
  ];
}

/**
 * @param {{thread: string, text: string}} draft
 * @returns {Change}
 */
function draftChange({ thread, text }) {
  return text === "" ? { table: "drafts", remove: thread } : { table: "drafts", put: { thread, text } };
}
