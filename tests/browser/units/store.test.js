import { assert, assertEqual, assertThrows } from "./harness.js";
import { message, testBoth, thread } from "./store_rows.js";

testBoth("what is put is there, in the order in which it was made", async (store) => {
  const messages = [
    message({ id: "b", created: 2 }),
    message({ id: "a", created: 3 }),
    message({ id: "c", created: 1 }),
  ];
  await store.put({ threads: [thread({})], messages });
  await store.putMessage(message({ id: "other", thread: "t2" }));

  assertEqual([thread({})], await store.threads());
  assertEqual(thread({}), await store.thread("t1"));
  assertEqual(["c", "b", "a"], (await store.messages("t1")).map((row) => row.id));
  assertEqual(["a", "other"], await store.known(["a", "nobody", "other"]));
});

testBoth("what is not there is null or empty", async (store) => {
  assertEqual(null, await store.thread("t1"));
  assertEqual([], await store.messages("t1"));
  assertEqual("", await store.draft("t1"));
  assertEqual(null, await store.meta("lastExport"));
});

testBoth("a message that grows is one row, and the row does not grow by itself", async (store) => {
  const row = message({ content: "He" });
  await store.putMessage(row);
  row.content += "llo";
  assertEqual("He", (await store.messages("t1"))[0].content);

  await store.putMessage(row);

  const rows = await store.messages("t1");
  rows[0].content = "changed by a reader";
  assertEqual(["Hello"], (await store.messages("t1")).map((found) => found.content));
});

testBoth("a picture comes back byte for byte", async (store) => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  const blob = new Blob([bytes], { type: "image/png" });
  await store.putMessage(message({ pictures: [{ id: "p", name: "a.png", type: "image/png", blob }] }));

  const [{ pictures }] = await store.messages("t1");

  assertEqual("image/png", pictures[0].blob.type);
  assertEqual(bytes, new Uint8Array(await pictures[0].blob.arrayBuffer()));
});

testBoth("drafts are kept for each thread and for the new one; an empty one is none", async (store) => {
  await store.putDraft("t1", "one");
  await store.putDraft("", "new");
  await store.put({ drafts: [{ thread: "t2", text: "two" }] });
  await store.putDraft("t1", "");

  assertEqual(["", "new", "two"], await Promise.all(["t1", "", "t2"].map(store.draft)));
});

testBoth("a removed thread takes its messages and its draft with it, and nothing else", async (store) => {
  const threads = [thread({}), thread({ id: "t2" })];
  const messages = [message({}), message({ id: "m2" }), message({ id: "m3", thread: "t2" })];
  await store.put({ threads, messages });
  await store.putDraft("t1", "one");
  await store.putDraft("t2", "two");

  await store.removeThread("t1");

  assertEqual(["t2"], (await store.threads()).map((row) => row.id));
  assertEqual([[], ["m3"]], [await store.messages("t1"), (await store.messages("t2")).map((row) => row.id)]);
  assertEqual(["", "two"], [await store.draft("t1"), await store.draft("t2")]);
});

testBoth("rows are put all or none", async (store) => {
  const unstorable = /** @type {any} */ ({ ...message({ id: "m2" }), content: () => {} });

  const error = await assertThrows(() => store.put({ threads: [thread({})], messages: [message({}), unstorable] }));

  assertEqual("STORAGE_FAILED", error.code);
  assertEqual([], await store.known(["m1", "m2"]));
});

testBoth("a wipe leaves nothing", async (store) => {
  await store.put({ threads: [thread({})], messages: [message({})], drafts: [{ thread: "", text: "new" }] });
  await store.putMeta("lastExport", 5);
  assertEqual(5, await store.meta("lastExport"));

  await store.wipe();

  assertEqual([[], [], ""], [await store.threads(), await store.messages("t1"), await store.draft("")]);
  assertEqual(null, await store.meta("lastExport"));
});

testBoth("more rows than are written at once are one transaction all the same", async (store) => {
  const messages = Array.from({ length: 1_000 }, (_, index) => message({ id: `m${index}`, created: index }));

  await store.put({ messages });

  const found = await store.messages("t1");
  assertEqual(1_000, found.length);
  assert(found.every((row, index) => row.id === `m${index}`), "out of order");
});
