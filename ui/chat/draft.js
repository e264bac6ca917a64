// What a person has written in a thread and not sent, and the one message that waits for the present answer. The text is
// stored; pictures stay in memory until they are sent.

import { batch, signal } from "../vendor/core.js";
import { createCheckpoint } from "../store/checkpoint.js";

/** @typedef {import("../types.js").Picture} Picture */
/** @typedef {{text: string, pictures: Picture[]}} Said */

/** The draft of a thread that has no row yet is kept under no name: it is there again whenever a new one is begun. */
const UNSAID = "";

/**
 * @param {{store: import("../store/store.js").Store, thread: string, fresh: boolean, everyMs: number}} options
 */
export function createDraft({ store, thread, fresh, everyMs }) {
  const text = signal("");
  /** @type {import("../vendor/core.js").Signal<Picture[]>} */
  const pictures = signal([]);
  /** @type {import("../vendor/core.js").Signal<Said | null>} */
  const queued = signal(null);
  let name = fresh ? UNSAID : thread;
  /** What is being sent, until its row is written or it is given back. */
  let leaving = "";
  const checkpoint = createCheckpoint(() => store.putDraft(name, all()), everyMs);

  // Until it is sent, what waits is stored as a part of the draft: a page that is closed loses neither.
  function all() {
    return joined(joined(leaving, queued.peek()?.text ?? ""), text.peek());
  }

  /** @param {string} changed */
  function set(changed) {
    text.value = changed;
    checkpoint.touch();
  }

  /**
   * Put something (back) before what there is.
   *
   * @param {Said} said
   */
  function giveBack(said) {
    leaving = "";
    batch(() => {
      text.value = joined(said.text, text.peek());
      pictures.value = [...said.pictures, ...pictures.peek()];
    });
    checkpoint.touch();
  }

  return {
    text,
    pictures,
    queued,
    set,
    giveBack,
    flush: checkpoint.flush,
    close: checkpoint.close,

    /** Another tab may have put its own in the place of one that has no thread yet: the last that is left stays. */
    keep() {
      if (name !== thread && text.peek() !== "") checkpoint.touch();
    },

    async load() {
      const kept = await store.draft(name).catch(() => ""); // The threads cannot be read either, and that is said.
      if (text.peek() === "") text.value = kept;
    },

    /**
     * Clear what is being sent, on the page only; `stored` says what is to be stored once the message is.
     *
     * @param {Said} said
     */
    take(said) {
      leaving = said.text;
      batch(() => {
        if (text.peek().trim() === said.text.trim()) text.value = "";
        pictures.value = pictures.peek().filter((picture) => !said.pictures.includes(picture));
      });
    },

    /** @returns {{thread: string, text: string}[]} The rows that go with the thread's row. */
    stored() {
      leaving = "";
      const rows = [{ thread: name, text: name === thread ? all() : "" }];
      if (name !== thread && all() !== "") rows.push({ thread, text: all() });
      name = thread;
      return rows;
    },

    /**
     * What is being sent has to wait for the present answer.
     *
     * @param {Said} said
     */
    wait(said) {
      leaving = "";
      queued.value = said;
      checkpoint.touch();
    },

    /** @returns {Said | null} What has waited; it is being sent now. */
    next() {
      const said = queued.peek();
      leaving = said?.text ?? "";
      queued.value = null;
      return said;
    },

    /** The message that waits is not going to be sent by itself. */
    giveBackQueued() {
      const said = queued.peek();
      queued.value = null;
      if (said) giveBack(said);
    },
  };
}

/** @typedef {ReturnType<typeof createDraft>} Draft */

/**
 * @param {string} one
 * @param {string} other
 */
function joined(one, other) {
  return one === "" || other === "" ? one + other : `${one}\n\n${other}`;
}
