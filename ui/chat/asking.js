// Everything that has an answer come in a thread. One at a time: what is said while one comes, here or in another tab,
// waits for its end or is given back to the draft.

import { defaultModel } from "../models.js";
import { settings } from "../settings.js";
import { t } from "../strings.js";
import { newMessage, openingOf } from "./message_rows.js";
import { requestFor } from "./request.js";
import { pathTo } from "./tree.js";

/** @typedef {import("../tabs/lock.js").Release} Release */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("./draft.js").Said} Said */

/**
 * @typedef {object} Asked
 * @property {Message} [said]  A new message of the person's.
 * @property {string | null} parent  Of the answer.
 * @property {string} [model]  Instead of the thread's.
 * @property {boolean} [stream]  Instead of what is set.
 */

/**
 * @param {import("./parts.js").Parts} parts
 * @param {object} place
 * @param {import("./rows.js").Rows} place.rows
 * @param {import("./draft.js").Draft} place.draft
 * @param {() => import("./answering.js").Answering} place.answering
 */
export function createAsking({ threads, notices, pace, now }, { rows, draft, answering }) {
  let starting = false;
  let unwanted = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let patience;

  const busy = () => starting || answering().busy();

  /**
   * Begin, if no other answer is coming.
   *
   * @param {(release: Release) => void} begin
   */
  async function alone(begin) {
    if (busy()) return false;
    starting = true;
    unwanted = false;
    try {
      const release = await answering().acquire();
      if (release) begin(release);
      if (release && unwanted) answering().stop();
      return release !== null;
    } finally {
      starting = false;
    }
  }

  /**
   * @param {Asked} asked
   * @param {Release} release
   */
  function ask({ said, parent, model: wanted, stream }, release) {
    const thread = rows.thread.peek();
    const model = wanted || thread.model || defaultModel.peek();
    const created = now() + 1; // After the question, which may be of this very millisecond.
    const answer = newMessage({ thread: thread.id, parent, role: "assistant", created, model, status: "connecting" });
    const messages = said ? [said, answer] : [answer];
    const opening = said?.parent === null ? openingOf(said.content, said.pictures) : thread.opening;
    rows.show(messages);
    threads.put({ ...thread, head: answer.id, updated: created, opening }, { messages, drafts: draft.stored() });
    const request = requestFor(thread, { messages: pathTo(rows.messages.peek(), parent), model, stream });
    answering().start({ message: answer, request, release });
  }

  /**
   * @param {Said} said
   * @param {string | null} parent
   * @returns {Promise<boolean>}
   */
  function say({ text, pictures }, parent) {
    return alone((release) => {
      const given = { thread: rows.thread.peek().id, parent, content: text, pictures, created: now() };
      const said = newMessage({ ...given, role: "user" });
      ask({ said, parent: said.id }, release);
    });
  }

  /**
   * @param {Message} message
   * @param {Release} release
   */
  function resume(message, release) {
    const thread = rows.thread.peek();
    /** @type {Message} */
    const growing = { ...message, status: "connecting", failure: null, finish: null };
    const messages = [...pathTo(rows.messages.peek(), message.id).slice(0, -1), message];
    threads.put({ ...thread, updated: now() }, { messages: [growing] });
    const request = requestFor(thread, { messages, model: message.model, continuing: true });
    answering().start({ message: growing, request, release });
  }

  /**
   * @param {Said} said
   * @param {string | null} parent
   */
  async function trySaying(said, parent) {
    clearTimeout(patience);
    const taken = await say(said, parent).catch((error) => {
      draft.giveBack(said);
      throw error;
    });
    if (taken) return;
    if (draft.queued.peek()) return draft.giveBack(said); // There is one place to wait.
    // Another tab was faster. What is said here waits for its answer; should none be seen to come, it is given back.
    draft.wait(said);
    patience = setTimeout(() => {
      if (busy() || !draft.queued.peek()) return;
      draft.giveBackQueued();
      notices.add({ text: t("chat.busyElsewhere") });
    }, pace.goneMs);
  }

  return {
    alone,
    ask,
    say,
    resume,
    busy,

    /** No more is wanted of an answer, though it may not have begun yet. */
    stop() {
      unwanted = starting;
      if (!starting) answering().stop();
    },

    /**
     * @param {Said} said
     * @returns {Promise<boolean>} Whether it was taken.
     */
    async send(said) {
      const nothing = said.text.trim() === "" && said.pictures.length === 0;
      const wait = busy();
      if (nothing || draft.queued.peek() || (wait && !settings.peek().typeOn)) return false;
      draft.take(said);
      if (wait) draft.wait(said);
      else await trySaying(said, rows.path.peek().at(-1)?.id ?? null);
      return true;
    },

    /** @param {Message | null} row  The answer that has ended; `null`: nobody knows how. */
    onEnded(row) {
      if (row?.status !== "done") return draft.giveBackQueued();
      const said = draft.next();
      if (said) trySaying(said, row.id);
    },

    close: () => clearTimeout(patience),
  };
}
