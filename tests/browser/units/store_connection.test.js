import { STEPS } from "/ui/app/store/schema.js";
import { openStore } from "/ui/app/store/store.js";
import { deleteDB, openDB, unwrap } from "/ui/app/vendor/core.js";
import { assert, assertEqual, assertThrows, test } from "./harness.js";
import { freshName, message, thread, withStore } from "./store_rows.js";

/** @typedef {import("/ui/app/store/schema.js").Database} Database */
/** @typedef {import("/ui/app/store/schema.js").Step} Step */
/** @typedef {import("/ui/app/store/store.js").Store} Store */

/** A made-up second version: threads have a colour. @type {Step[]} */
const TWO_STEPS = [
  ...STEPS,
  async (_db, transaction) => {
    const store = transaction.objectStore("threads");
    for (const row of await store.getAll()) await store.put({ ...row, colour: "red" });
    store.createIndex("colour", "colour");
  },
];

/**
 * A store whose connection the test holds too, so that it can break it.
 *
 * @param {(store: Store, opened: Database[]) => Promise<void>} body
 */
async function withSabotage(body) {
  /** @type {any[]} */
  const opened = [];
  /** @type {any} */
  const open = async (/** @type {[string, number, any]} */ ...given) => {
    const db = await openDB(...given);
    opened.push(db);
    return db;
  };
  const store = await openStore(freshName(), { open });
  try {
    await body(store, opened);
  } finally {
    store.close();
    await deleteDB(store.name);
  }
}

/**
 * Make every write to a table fail.
 *
 * @param {Database} db
 * @param {string} name  Of the error; empty: as it was.
 */
function failWrites(db, name) {
  const raw = unwrap(db);
  if (name === "") {
    Reflect.deleteProperty(raw, "transaction");
    return;
  }
  raw.transaction = (tables, mode, options) => {
    if (mode === "readwrite") throw new DOMException("as the test wants it", name);
    return IDBDatabase.prototype.transaction.call(raw, tables, mode, options);
  };
}

test("a database of version 1 becomes one of version 2 with everything in it", async () => {
  const name = freshName();
  const first = await openStore(name);
  await first.put({ threads: [thread({})], messages: [message({ content: "kept" })] });
  first.close();

  const second = await openStore(name, { steps: TWO_STEPS });

  assert(second.lasting);
  assertEqual({ ...thread({}), colour: "red" }, await second.thread("t1"));
  assertEqual(["kept"], (await second.messages("t1")).map((row) => row.content));
  second.close();
  await deleteDB(name);
});

test("a new database goes through every step", async () => {
  const store = await openStore(freshName(), { steps: TWO_STEPS });

  await store.putThread(thread({}));

  assertEqual([true, "t1"], [store.lasting, (await store.threads())[0].id]);
  store.close();
  await deleteDB(store.name);
});

test("an upgrade that fails leaves the old version as it was", async () => {
  const name = freshName();
  const first = await openStore(name);
  await first.putThread(thread({}));
  first.close();
  const broken = [
    ...TWO_STEPS,
    () => {
      throw new Error("a faulty step");
    },
  ];

  const failed = await openStore(name, { steps: broken });
  assertEqual([false, []], [failed.lasting, await failed.threads()]);

  const again = await openStore(name);
  assertEqual([thread({})], await again.threads());
  again.close();
  await deleteDB(name);
});

test("an older page gives way to a newer one, and says so", async () => {
  const name = freshName();
  const older = await openStore(name);
  /** @type {string[]} */
  const told = [];
  older.onProblem((problem) => told.push(problem.code));

  const newer = await openStore(name, { steps: TWO_STEPS });

  assertEqual([true, ["STORAGE_CLOSED"]], [newer.lasting, told]);
  const error = await assertThrows(() => older.putMessage(message({})));
  assertEqual("STORAGE_CLOSED", error.code);
  assert(error.message.includes("Reload"), error.message);
  newer.close();
  await deleteDB(name);
});

test("a page that is older than the database keeps nothing and says so", async () => {
  const name = freshName();
  (await openStore(name, { steps: TWO_STEPS })).close();

  const older = await openStore(name);

  assertEqual([false, ["STORAGE_NEWER"]], [older.lasting, codesOf(older)]);
  await deleteDB(name);
});

test("a tab that does not give way does not hold up the page for ever", async () => {
  const name = freshName();
  (await openStore(name)).close();
  const stubborn = await openDB(name, 1);
  /** @type {any} */
  let late;
  /** @type {any} */
  const open = (/** @type {[string, number, any]} */ ...given) => (late = openDB(...given));

  const store = await openStore(name, { steps: TWO_STEPS, blockedMs: 20, open });

  assertEqual([false, ["STORAGE_BLOCKED"]], [store.lasting, codesOf(store)]);
  await store.putThread(thread({}));
  assertEqual(1, (await store.threads()).length);
  stubborn.close();
  const db = await late;
  await assertThrows(() => db.transaction("threads"), "InvalidStateError"); // What came too late is closed.
  await deleteDB(name);
});

test("where there is no database the page works all the same and says so", async () => {
  /** @type {any} */
  const open = async () => {
    throw new DOMException("no databases in private windows", "SecurityError");
  };

  const store = await openStore("private", { open });

  assertEqual([false, ["STORAGE_NONE"]], [store.lasting, codesOf(store)]);
  await store.putMessage(message({ content: "hello" }));
  assertEqual("hello", (await store.messages("t1"))[0].content);
});

test("a connection that the browser cut is opened again", () =>
  withSabotage(async (store, opened) => {
    await store.putMessage(message({}));
    opened[0].close();

    await Promise.all([store.putMessage(message({ id: "m2", created: 2 })), store.putDraft("", "new")]);

    assertEqual(["m1", "m2"], (await store.messages("t1")).map((row) => row.id));
    assertEqual(["new", 2], [await store.draft(""), opened.length]);
  }));

test("a connection is opened again once, not for ever", async () => {
  let opens = 0;
  /** @type {any} */
  const open = async (/** @type {[string, number, any]} */ ...given) => {
    opens += 1;
    const db = await openDB(...given);
    db.close();
    return db;
  };
  const store = await openStore(freshName(), { open });

  const error = await assertThrows(() => store.threads());

  assertEqual(["STORAGE_FAILED", 2], [error.code, opens]);
  store.close();
  await deleteDB(store.name);
});

test("a closed store says that it is closed", () =>
  withStore(async (store) => {
    store.close();

    const error = await assertThrows(() => store.threads());

    assertEqual("STORAGE_CLOSED", error.code);
  }));

test("no space left: said once, and what could not be written is still shown", () =>
  withSabotage(async (store, opened) => {
    /** @type {string[]} */
    const told = [];
    store.onProblem((problem) => told.push(problem.code));
    await store.put({ threads: [thread({})], messages: [message({ content: "stored" })] });
    failWrites(opened[0], "QuotaExceededError");
    const grown = message({ content: "grown" });

    const error = await assertThrows(() => store.putMessage(grown));
    const more = { threads: [thread({ title: "new" })], messages: [message({ id: "m2", created: 2 })] };
    await assertThrows(() => store.put(more));
    grown.content = "grown on";

    assertEqual("STORAGE_FULL", error.code);
    assert(error.message.includes("export"), error.message);
    assertEqual(["STORAGE_FULL"], told);
    assertEqual(["grown", ""], (await store.messages("t1")).map((row) => row.content));
    assertEqual(["new"], (await store.threads()).map((row) => row.title));
    assertEqual("new", (await store.thread("t1"))?.title);
  }));

test("once there is space again, what is written is what counts", () =>
  withSabotage(async (store, opened) => {
    /** @type {string[]} */
    const told = [];
    store.onProblem((problem) => told.push(problem.code));
    failWrites(opened[0], "QuotaExceededError");
    const messages = [message({ content: "lost" }), message({ id: "m2", created: 2 })];
    await assertThrows(() => store.put({ messages }));
    failWrites(opened[0], "");

    await store.putMessage(message({ content: "written" }));
    assertEqual(["written", ""], (await store.messages("t1")).map((row) => row.content));
    await store.removeThread("t1");

    assertEqual([], await store.messages("t1"));
    failWrites(opened[0], "QuotaExceededError");
    await assertThrows(() => store.putMessage(message({})));
    assertEqual(["STORAGE_FULL", "STORAGE_FULL"], told);
  }));

test("rows that need not be kept are dropped when they cannot be written", () =>
  withSabotage(async (store, opened) => {
    failWrites(opened[0], "QuotaExceededError");

    await assertThrows(() => store.put({ threads: [thread({})] }, { keep: false }));

    assertEqual([], await store.threads());
  }));

test("who has stopped following hears no more", () =>
  withSabotage(async (store, opened) => {
    /** @type {string[]} */
    const told = [];
    store.onProblem((problem) => told.push(problem.code))();
    failWrites(opened[0], "QuotaExceededError");

    await assertThrows(() => store.putMessage(message({})));

    assertEqual([], told);
  }));

/**
 * @param {Store} store
 * @returns {string[]} What stands.
 */
function codesOf(store) {
  /** @type {string[]} */
  const codes = [];
  store.onProblem((problem) => codes.push(problem.code))();
  return codes;
}

test("a database that is deleted under the page is made anew for what comes", async () => {
  const name = freshName();
  const store = await openStore(name);
  await store.putMessage(message({}));

  await deleteDB(name);
  await store.putMessage(message({ id: "m2" }));

  assertEqual(["m2"], await store.known(["m1", "m2"]));
  assertEqual([], codesOf(store));
  store.close();
  await deleteDB(name);
});
