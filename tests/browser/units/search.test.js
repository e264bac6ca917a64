import { fold } from "/ui/app/store/search.js";
import { assert, assertEqual, assertThrows, test } from "./harness.js";
import { message, testBoth, thread } from "./store_rows.js";

/** @typedef {import("/ui/app/store/store.js").Store} Store */

/**
 * @param {Store} store
 * @param {string} content
 */
async function putOne(store, content) {
  await store.put({ threads: [thread({})], messages: [message({ content })] });
}

/**
 * @param {Store} store
 * @param {string} text
 */
async function excerptOf(store, text) {
  return (await store.search(text)).map((hit) => hit.excerpt);
}

test("folding forgets case, accents and kinds of white space", () => {
  assertEqual("creme brulee", fold("Crème\nBRÛLÉE"));
  assertEqual(fold("ΟΔΟΣ"), fold("οδος"));
  assertEqual(fold("İstanbul"), fold("istanbul"));
  assertEqual(fold("한국"), fold("한국".normalize("NFD")));
  assert(fold("कि") !== fold("क"), "a vowel sign is no accent");
});

testBoth("text is found whatever its case and accents", async (store) => {
  await putOne(store, "The CAFÉ on the corner");

  assertEqual([{ thread: "t1", message: "m1", excerpt: "The CAFÉ on the corner" }], await store.search(" cafe  "));
  assertEqual(1, (await store.search("Café")).length);
  assertEqual([], await store.search("tea"));
  assertEqual([], await store.search("  "));
});

testBoth("each thread is found once, by its newest message, and the newest thread first", async (store) => {
  await store.put({
    threads: [thread({ updated: 1 }), thread({ id: "t2", updated: 9 }), thread({ id: "t3", updated: 5, deleted: 6 })],
    messages: [
      message({ content: "apple, old", created: 1 }),
      message({ id: "m2", content: "apple, new", created: 2 }),
      message({ id: "m3", thread: "t2", content: "apple", created: 0 }),
      message({ id: "m4", thread: "t3", content: "apple, deleted", created: 3 }),
    ],
  });

  assertEqual(["m3", "m2"], (await store.search("apple")).map((hit) => hit.message));
  assertEqual(["m3"], (await store.search("apple", { limit: 1 })).map((hit) => hit.message));
});

testBoth("an excerpt shows the words around the hit, on one line", async (store) => {
  await putOne(store, `${"before ".repeat(1_000)}the\n\n  NEEDLE here ${"after ".repeat(1_000)}`);

  const [excerpt] = await excerptOf(store, "needle");

  assert(excerpt.length < 150, excerpt);
  assert(/^…before .*before the NEEDLE here after .* after…$/.test(excerpt), excerpt);
});

testBoth("an excerpt is in the right place behind characters that folding makes shorter or longer", async (store) => {
  await putOne(store, `${"한".repeat(1_500)}${"é".normalize("NFD").repeat(1_500)} the néedle!`);

  const [excerpt] = await excerptOf(store, "needle");

  assert(excerpt.endsWith(" the néedle!"), excerpt);
  assert(excerpt.length < 60, excerpt);
});

testBoth("an excerpt never begins or ends with half a character", async (store) => {
  for (const around of ["", "a"]) {
    await putOne(store, `${"😀".repeat(100)}${around}needle${around}${"😀".repeat(100)}`);

    const [excerpt] = await excerptOf(store, "needle");

    assert(excerpt.includes(`😀${around}needle`) && !/\p{Surrogate}/u.test(excerpt), excerpt);
  }
});

testBoth("a search that is no longer wanted ends", async (store) => {
  const messages = Array.from({ length: 200 }, (_, index) => message({ id: `m${index}`, created: index }));
  await store.put({ threads: [thread({})], messages });
  const aborter = new AbortController();

  const searching = store.search("nowhere", { signal: aborter.signal });
  aborter.abort();

  assertEqual("AbortError", (await assertThrows(() => searching)).name);
});

testBoth("searching 10,000 messages leaves the page its frames", async (store) => {
  const content = "Some words that are of no interest to anybody. ".repeat(40);
  for (let at = 0; at < 100; at += 1) {
    const messages = Array.from({ length: 100 }, (_, index) =>
      message({ id: `m${at}-${index}`, thread: `t${at}`, content, created: index }),
    );
    await store.put({ threads: [thread({ id: `t${at}` })], messages });
  }
  let turns = 0;
  let searching = true;
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    turns += 1;
    if (searching) channel.port2.postMessage(null);
  };
  const from = performance.now();
  channel.port2.postMessage(null);

  const found = await store.search("nowhere");

  searching = false;
  channel.port1.close();
  assertEqual([], found);
  const expected = (performance.now() - from) / 50;
  assert(turns > expected, `the page got ${turns} turns, not ${expected}`);
});
