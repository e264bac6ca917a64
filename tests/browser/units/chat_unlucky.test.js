import { timingOf } from "/ui/app/chat/message_rows.js";
import { NO_LOCKS, chatTest, idOf, last, open, send, shown, sleep } from "./chat_support.js";
import { assertEqual, test, until } from "./harness.js";

/** A lock that is granted when the test says so. */
function slowLocks() {
  /** @type {(granted: boolean) => void} */
  let grant = () => {};
  const asked = () => new Promise((resolve) => (grant = (granted) => resolve(granted ? () => {} : null)));
  return { locks: { ...NO_LOCKS, awaitLock: asked }, grant: (/** @type {boolean} */ granted) => grant(granted) };
}

chatTest("what is being sent is stored as a draft until its row is", async (world) => {
  const { locks, grant } = slowLocks();
  const chat = await world.tab({ locks });
  open(chat).setDraft("Do not lose me");

  const sending = send(chat, "Do not lose me");
  await sleep(60);
  assertEqual(["", "Do not lose me"], [open(chat).draft.value, await world.store.draft("")]);
  grant(true);
  await sending;
  await world.run(1);

  await until(async () => (await world.store.draft("")) === "");
  assertEqual("", await world.store.draft(idOf(chat)));
});

chatTest("what could not be begun is given back", async (world) => {
  const awaitLock = () => Promise.reject(new Error("no lock today"));
  const chat = await world.tab({ locks: { ...NO_LOCKS, awaitLock } });

  const refused = await send(chat, "Do not lose me").catch(({ message }) => message);

  assertEqual(["no lock today", "Do not lose me"], [refused, open(chat).draft.value]);
});

chatTest("stop counts while the answer has yet to begin", async (world) => {
  const { locks, grant } = slowLocks();
  const chat = await world.tab({ locks });

  const sending = send(chat, "Hi");
  open(chat).stop();
  await sleep(10);
  grant(true);
  await sending;

  assertEqual(true, (await world.run(1)).stopped);
  assertEqual(["stopped", null], [last(chat)?.status, open(chat).live.value]);
});

chatTest("a store that never answers holds up the next answer for a moment only", async (world) => {
  const { transaction } = IDBDatabase.prototype;
  let hangs = true;
  const chat = await world.tab({ pace: { storeMs: 50 } });
  IDBDatabase.prototype.transaction = /** @type {any} */ (
    /** @this {IDBDatabase} @param {[string[], IDBTransactionMode]} given */
    function (...given) {
      const made = transaction.apply(this, given);
      if (given[1] !== "readwrite") return made;
      made.commit = () => {};
      const busy = () => {
        if (hangs) made.objectStore(made.objectStoreNames[0]).get("-").onsuccess = busy;
      };
      busy();
      return made;
    }
  );
  try {
    await send(chat, "One");
    (await world.run(1)).done();
    await send(chat, "Two");
    assertEqual(["user: One", "assistant: ", "user: Two", "assistant: "], shown(chat));
  } finally {
    IDBDatabase.prototype.transaction = transaction;
    hangs = false;
  }
});

chatTest("a wipe takes everything, what is being written and what waits to be stored among it", async (world) => {
  const chat = await world.tab();
  const { put } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.put = () => {
    throw new DOMException("no space", "QuotaExceededError");
  };
  try {
    await send(chat, "Secret");
    (await world.run(1)).done();
    await until(() => open(chat).live.value === null);
  } finally {
    IDBObjectStore.prototype.put = put;
  }
  localStorage.setItem("llms.last.x", "{}");
  open(chat).setDraft("Secret, too");

  await chat.wipe();
  await sleep(150);

  assertEqual([[], []], [await world.store.threads(), chat.threads.value]);
  assertEqual(["", null], [open(chat).draft.value, localStorage.getItem("llms.last.x")]);
});

test("a clock that is set back makes no time negative", () => {
  assertEqual({ sentAt: 5_000, firstMs: 0, totalMs: 0 }, timingOf(null, 5_000, 4_000, 3_000));
});
