import { newMessage } from "/ui/app/chat/message_rows.js";
import { childrenOf, leafOf, pathTo, siblingsOf } from "/ui/app/chat/tree.js";
import { assertEqual, test } from "./harness.js";

/** @typedef {import("/ui/app/types.js").Message} Message */

/**
 * @param {...[id: string, parent: string | null, created: number]} rows
 * @returns {Map<string, Message>}
 */
function tree(...rows) {
  return new Map(
    rows.map(([id, parent, created]) => [id, { ...newMessage({ thread: "t", parent, role: "user", created }), id }]),
  );
}

/** @param {readonly Message[]} messages */
const ids = (messages) => messages.map(({ id }) => id).join(" ");

/**
 * @param {Map<string, Message>} messages
 * @param {string} id
 */
const at = (messages, id) => /** @type {Message} */ (messages.get(id));

const BRANCHED = tree(["a", null, 1], ["b", "a", 2], ["c", "b", 3], ["b2", "a", 4], ["c2", "b2", 5], ["b3", "a", 6]);

test("the path leads from the root to the head", () => {
  assertEqual("a b c", ids(pathTo(BRANCHED, "c")));
});

test("without a head that is there the newest leaf is shown", () => {
  assertEqual("a b3", ids(pathTo(BRANCHED, null)));
  assertEqual("a b3", ids(pathTo(BRANCHED, "gone")));
  assertEqual("", ids(pathTo(new Map(), null)));
});

test("siblings have the same parent and come oldest first, however the rows came", () => {
  const messages = tree(["late", "a", 9], ["early", "a", 2], ["a", null, 1], ["tie2", "a", 5], ["tie1", "a", 5]);

  assertEqual("early tie1 tie2 late", ids(siblingsOf(messages, childrenOf(messages), at(messages, "late"))));
});

test("roots are siblings of each other, and so is a message whose parent is missing", () => {
  const messages = tree(["a", null, 1], ["b", null, 2], ["orphan", "gone", 3]);

  assertEqual("a b orphan", ids(siblingsOf(messages, childrenOf(messages), at(messages, "b"))));
  assertEqual("orphan", ids(pathTo(messages, "orphan")));
});

test("the leaf of a message is the newest one under it", () => {
  assertEqual("c", leafOf(BRANCHED, at(BRANCHED, "b"))?.id);
  assertEqual("c2", leafOf(BRANCHED, at(BRANCHED, "b2"))?.id);
  assertEqual("b3", leafOf(BRANCHED, at(BRANCHED, "a"))?.id);
  assertEqual("c", leafOf(BRANCHED, at(BRANCHED, "c"))?.id);
});

test("a circle ends", () => {
  const messages = tree(["a", "c", 1], ["b", "a", 2], ["c", "b", 3]);

  assertEqual("b c a", ids(pathTo(messages, "a")));
  assertEqual(3, pathTo(messages, null).length);
  assertEqual("a", leafOf(messages, at(messages, "a"))?.id);
});

test("ten thousand messages in one line are no problem", () => {
  const messages = tree(...Array.from({ length: 10_000 }, (_, n) => /** @type {[string, string | null, number]} */ ([`${n}`, n ? `${n - 1}` : null, n])));

  assertEqual(10_000, pathTo(messages, "9999").length);
  assertEqual("9999", leafOf(messages, at(messages, "0"))?.id);
});
