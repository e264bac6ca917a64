// The rows of one thread on the page: its messages as a tree, and the branch that is shown.

import { computed, signal } from "../vendor/core.js";
import { childrenOf, pathTo, siblingsOf } from "./tree.js";

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Thread} Thread */

/**
 * @param {import("./parts.js").Parts} parts
 * @param {Thread} row
 */
export function createRows({ store, keeper, threads }, row) {
  const thread = computed(() => threads.get(row.id) ?? row);
  /** @type {import("../vendor/core.js").Signal<ReadonlyMap<string, Message>>} */
  const messages = signal(new Map());
  const children = computed(() => childrenOf(messages.value));

  return {
    thread,
    messages,
    path: computed(() => pathTo(messages.value, thread.value.head)),

    /** @param {Message} message */
    siblings: (message) => siblingsOf(messages.value, children.value, message),

    /** @returns {Promise<Map<string, Message>>} As they are stored. */
    async read() {
      const found = await keeper.read(() => store.messages(row.id), [...messages.peek().values()]);
      return new Map(found.map((message) => [message.id, message]));
    },

    /** @param {Message[]} changed  They are so now. */
    show(changed) {
      const known = new Map(messages.peek());
      for (const message of changed) known.set(message.id, message);
      messages.value = known;
    },
  };
}

/** @typedef {ReturnType<typeof createRows>} Rows */
