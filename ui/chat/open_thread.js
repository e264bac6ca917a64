// A thread that is open: what it holds, and everything that a person does in it. It lives on while the page shows
// another one, for as long as an answer is coming in it or something waits to be sent.

import { createAnswering } from "./answering.js";
import { createAsking } from "./asking.js";
import { createDraft } from "./draft.js";
import { forkOf } from "./fork.js";
import { newMessage } from "./message_rows.js";
import { createRows } from "./rows.js";
import { leafOf, pathTo } from "./tree.js";

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Picture} Picture */
/** @typedef {import("../types.js").Thread} Thread */
/** @typedef {import("./draft.js").Said} Said */
/** @template T @typedef {import("../vendor/core.js").Signal<T>} Signal */
/** @template T @typedef {import("../vendor/core.js").ReadonlySignal<T>} ReadonlySignal */

/**
 * What can be refused gives whether it was taken: nothing is while an answer is coming, save for one message that is
 * queued where the person has set `typeOn`. What was not taken stays in the draft.
 *
 * @typedef {object} OpenThread
 * @property {ReadonlySignal<Thread>} thread
 * @property {ReadonlySignal<ReadonlyMap<string, Message>>} messages
 * @property {ReadonlySignal<Message[]>} path  From the root to the head.
 * @property {(message: Message) => Message[]} siblings  With the same parent, oldest first.
 * @property {(message: Message) => void} choose  Show the branch that holds it.
 * @property {Signal<import("./live.js").Live | null>} live  The answer that is coming, in this tab or in another.
 * @property {Signal<Said | null>} queued
 * @property {Signal<string>} draft
 * @property {(text: string) => void} setDraft
 * @property {Signal<Picture[]>} pictures  Of the draft.
 * @property {(said: Said) => Promise<boolean>} send
 * @property {() => void} stop
 * @property {(message: Message, options?: {model?: string, stream?: boolean}) => Promise<boolean>} retry  A new answer
 *   beside it; to a user's message: an answer.
 * @property {(message: Message) => Promise<boolean>} continueAnswer  The same message grows.
 * @property {(message: Message, said: Said) => Promise<boolean>} edit  A message beside it, and a new answer to a user's.
 * @property {(message: Message) => Promise<string>} fork  The id of a new thread with the path to it.
 */

/**
 * @param {import("./parts.js").Parts} parts
 * @param {Thread} row
 * @param {{fresh: boolean}} options  `fresh`: it has no row yet.
 */
export function createOpenThread(parts, row, { fresh }) {
  const { store, threads, pace, now } = parts;
  const rows = createRows(parts, row);
  const draft = createDraft({ store, thread: row.id, fresh, everyMs: pace.draftMs });
  const asking = createAsking(parts, { rows, draft, answering: () => answering });
  const answering = createAnswering(parts, { rows, onEnded: asking.onEnded, resume: asking.resume });
  /** @type {Promise<void> | null} */
  let loaded = null;

  /**
   * @param {Message} message
   * @param {Said} said
   */
  async function rewrite({ parent, model }, { text, pictures }) {
    const created = now();
    const given = { thread: row.id, parent, content: text, pictures, model, created };
    const written = newMessage({ ...given, role: "assistant" });
    rows.show([written]);
    await threads.put({ ...rows.thread.peek(), head: written.id, updated: created }, { messages: [written] });
    return true;
  }

  /** @param {Message} message */
  async function fork(message) {
    const live = answering.live.peek();
    const path = pathTo(rows.messages.peek(), message.id).map((held) => (held.id === live?.id ? live.message : held));
    const copy = forkOf(rows.thread.peek(), path, now());
    await threads.put(copy.thread, { messages: copy.messages });
    return copy.thread.id;
  }

  async function load() {
    const [found] = await Promise.all([rows.read(), draft.load()]);
    rows.messages.value = found;
  }

  /** @type {OpenThread} */
  const view = {
    thread: rows.thread,
    messages: rows.messages,
    path: rows.path,
    siblings: rows.siblings,
    live: answering.live,
    queued: draft.queued,
    draft: draft.text,
    setDraft: draft.set,
    pictures: draft.pictures,
    choose: (message) => void threads.update(row.id, { head: leafOf(rows.messages.peek(), message)?.id ?? null }),
    send: asking.send,
    retry: (message, options = {}) =>
      asking.alone((release) => {
        const parent = message.role === "assistant" ? message.parent : message.id;
        asking.ask({ ...options, parent }, release);
      }),
    continueAnswer: (message) => asking.alone((release) => asking.resume(message, release)),
    edit: (message, said) => (message.role === "user" ? asking.say(said, message.parent) : rewrite(message, said)),
    fork,
    stop() {
      if (!asking.busy()) draft.giveBackQueued();
      asking.stop();
    },
  };

  return {
    id: row.id,
    view,
    receive: answering.receive,
    keepDraft: draft.keep,
    load: () => (loaded ??= load()),
    enter: () => answering.enter(),
    leave: answering.leave,
    /** The owner's tab is gone, as far as anybody can tell. */
    lost: () => void (asking.busy() || draft.giveBackQueued()),

    /** Another tab has changed it. */
    async reload() {
      const found = await rows.read();
      const own = answering.owned() ? rows.messages.peek().get(answering.live.peek()?.id ?? "") : null;
      rows.messages.value = own ? found.set(own.id, own) : found;
    },

    /** @returns {boolean} Whether nothing would be lost if it were closed. */
    idle: () => !answering.owned() && !asking.busy() && !draft.queued.peek() && draft.pictures.peek().length === 0,

    abandon: answering.abandon,
    async close() {
      asking.close();
      await Promise.all([answering.abandon(), draft.flush()]);
      draft.close();
    },
  };
}

/** @typedef {ReturnType<typeof createOpenThread>} Opened */
