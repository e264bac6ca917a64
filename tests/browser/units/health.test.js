import { askToPersist, health } from "/ui/app/store/health.js";
import { assert, assertEqual, test } from "./harness.js";
import { withStore } from "./store_rows.js";

/** @type {any} */
const REFUSING = { persisted: async () => Promise.reject(new TypeError("not here")), estimate: async () => ({}) };

test("health tells what the browser tells, and when the last export was", () =>
  withStore(async (store) => {
    const storage = { persisted: async () => true, estimate: async () => ({ usage: 5, quota: 10 }) };
    await store.putMeta("lastExport", 123);

    const found = await health(store, storage);

    assertEqual({ lasting: true, persisted: true, usedBytes: 5, quotaBytes: 10, lastExport: 123 }, found);
  }));

test("where the browser tells nothing, nothing is made up", () =>
  withStore(async (store) => {
    const nothing = { lasting: true, persisted: null, usedBytes: null, quotaBytes: null, lastExport: null };

    assertEqual(nothing, await health(store, {}));
    assertEqual(nothing, await health(store, REFUSING));
    store.close();
    assertEqual(nothing, await health(store, {}));
  }));

test("this browser tells how much is used and how much there is", () =>
  withStore(async (store) => {
    const { usedBytes, quotaBytes, persisted } = await health(store);

    assert(typeof usedBytes === "number" && typeof quotaBytes === "number" && typeof persisted === "boolean");
  }));

test("asking to keep everything gives the browser's answer; no answer is a no", async () => {
  assertEqual(true, await askToPersist({ persist: async () => true }));
  assertEqual(false, await askToPersist({ persist: async () => false }));
  assertEqual(false, await askToPersist({}));
  assertEqual(false, await askToPersist({ persist: async () => Promise.reject(new TypeError("not here")) }));
});
