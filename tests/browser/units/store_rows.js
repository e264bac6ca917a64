// Rows for the tests of the store, and stores that leave nothing behind.

import { newMessage } from "/ui/app/chat/message_rows.js";
import { openMemoryStore, openStore } from "/ui/app/store/store.js";
import { deleteDB } from "/ui/app/vendor/core.js";
import { test } from "./harness.js";

/** @typedef {import("/ui/app/types.js").Message} Message */
/** @typedef {import("/ui/app/types.js").Thread} Thread */
/** @typedef {import("/ui/app/store/store.js").Store} Store */

let databases = 0;

/**
 * @param {Partial<Thread>} fields
 * @returns {Thread}
 */
export function thread(fields) {
  return {
    id: "t1",
    title: "",
    opening: "Hi",
    pinned: false,
    created: 1,
    updated: 1,
    deleted: null,
    model: "",
    system: "",
    parameters: {},
    head: null,
    ...fields,
  };
}

/**
 * @param {Partial<Message>} fields
 * @returns {Message}
 */
export function message(fields) {
  return newMessage({ id: "m1", thread: "t1", parent: null, role: "user", created: 1, ...fields });
}

/** A name for a database that no other test uses. */
export function freshName() {
  databases += 1;
  return `test-${databases}`;
}

/**
 * Run with a store in a database of its own, deleted afterwards.
 *
 * @param {(store: Store) => Promise<void>} body
 */
export async function withStore(body) {
  const store = await openStore(freshName());
  try {
    await body(store);
  } finally {
    store.close();
    await deleteDB(store.name);
  }
}

/**
 * A test of what both kinds of store do.
 *
 * @param {string} name
 * @param {(store: Store) => Promise<void>} body
 */
export function testBoth(name, body) {
  test(`${name} (database)`, () => withStore(body));
  test(`${name} (memory)`, () => body(openMemoryStore()));
}
