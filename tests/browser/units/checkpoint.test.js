import { createCheckpoint } from "/ui/app/store/checkpoint.js";
import { assertEqual, test } from "./harness.js";

/** A clock that stands still until the test moves it. */
function createClock() {
  let time = 0;
  let made = 0;
  /** @type {Map<number, {at: number, fn: () => void}>} */
  const timers = new Map();
  return {
    now: () => time,
    setTimeout(/** @type {() => void} */ fn, /** @type {number} */ ms) {
      made += 1;
      timers.set(made, { at: time + ms, fn });
      return made;
    },
    clearTimeout: (/** @type {number} */ timer) => void timers.delete(timer),
    waiting: () => timers.size,
    async pass(/** @type {number} */ ms) {
      await settle();
      const end = time + ms;
      for (;;) {
        const [next] = [...timers].filter(([, { at }]) => at <= end).sort(([, one], [, other]) => one.at - other.at);
        if (next === undefined) break;
        timers.delete(next[0]);
        time = next[1].at;
        next[1].fn();
        await settle();
      }
      time = end;
      await settle();
    },
  };
}

/** Let promises that are ready go on. */
async function settle() {
  for (let turn = 0; turn < 10; turn += 1) await null;
}

/** A checkpoint whose saves the test ends, on a page that the test leaves. */
function setUp({ ends = true } = {}) {
  const clock = createClock();
  const shown = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const page = { window: new EventTarget(), document: shown };
  /** @type {{at: number, end: () => void, fail: (error: Error) => void}[]} */
  const saves = [];
  /** @type {unknown[]} */
  const errors = [];
  const save = () =>
    new Promise((/** @type {(value: void) => void} */ resolve, reject) => {
      saves.push({ at: clock.now(), end: resolve, fail: reject });
      if (ends) resolve();
    });
  const checkpoint = createCheckpoint(save, 1000, { onError: (error) => errors.push(error), clock, page });
  return { clock, page, saves, errors, checkpoint, times: () => saves.map(({ at }) => at) };
}

test("what grows all the time is saved once a second", async () => {
  const { clock, checkpoint, times } = setUp();

  for (let token = 0; token < 350; token += 1) {
    checkpoint.touch();
    await clock.pass(10);
  }

  assertEqual([0, 1000, 2000, 3000], times());
  await clock.pass(5_000);
  assertEqual([0, 1000, 2000, 3000, 4000], times());
  assertEqual(0, clock.waiting());
});

test("what has not grown is not saved", async () => {
  const { clock, checkpoint, times } = setUp();

  await clock.pass(5_000);
  await checkpoint.flush();
  checkpoint.touch();
  await clock.pass(5_000);
  await checkpoint.flush();

  assertEqual([5000], times());
});

test("a slow save is not overlapped, and what came meanwhile is saved after it", async () => {
  const { clock, checkpoint, saves, times } = setUp({ ends: false });
  checkpoint.touch();
  await clock.pass(0);

  checkpoint.touch();
  await clock.pass(10_000);
  assertEqual([0], times());

  saves[0].end();
  await clock.pass(0);
  assertEqual([0, 10_000], times());
});

test("a flush saves the last touch at once, before it returns", async () => {
  const { clock, checkpoint, times } = setUp();
  checkpoint.touch();
  await clock.pass(100);
  checkpoint.touch();

  const flushed = checkpoint.flush();

  assertEqual([0, 100], times());
  await flushed;
  await clock.pass(5_000);
  assertEqual([0, 100], times());
});

test("a flush during a slow save waits for it and then saves", async () => {
  const { clock, checkpoint, saves, times } = setUp({ ends: false });
  checkpoint.touch();
  await clock.pass(0);
  checkpoint.touch();
  let flushed = 0;
  const flushes = [checkpoint.flush(), checkpoint.flush()].map((flush) => flush.then(() => (flushed += 1)));

  saves[0].end();
  await settle();
  assertEqual([[0, 0], 0], [times(), flushed]);

  saves[1].end();
  await Promise.all(flushes);
  assertEqual([[0, 0], 2], [times(), flushed]);
});

test("a failing save is reported once and tried again with the next touch", async () => {
  const { clock, checkpoint, saves, errors, times } = setUp({ ends: false });
  const full = new Error("no space");

  for (let second = 0; second < 3; second += 1) {
    checkpoint.touch();
    await clock.pass(1000);
    saves[second].fail(full);
    await clock.pass(5_000);
  }
  assertEqual([1, 3], [errors.length, saves.length]);

  const flushed = checkpoint.flush();
  saves[3].end();
  await flushed;
  checkpoint.touch();
  await clock.pass(1000);
  saves[4].fail(full);
  await settle();
  assertEqual([0, 6000, 12_000, 18_000, 19_000], times());
  assertEqual(2, errors.length);
});

test("a save that throws at once is a failing save", async () => {
  const clock = createClock();
  /** @type {unknown[]} */
  const errors = [];
  const save = () => {
    throw new Error("closed");
  };
  const checkpoint = createCheckpoint(save, 1000, { onError: (error) => errors.push(error), clock });

  checkpoint.touch();
  await checkpoint.flush();
  await checkpoint.flush();
  checkpoint.close();

  assertEqual(1, errors.length);
});

test("leaving the page saves at once", async () => {
  for (const leave of ["pagehide", "hidden"]) {
    const { clock, checkpoint, page, times } = setUp();
    checkpoint.touch();
    await clock.pass(100);
    checkpoint.touch();
    page.document.dispatchEvent(new Event("visibilitychange"));
    assertEqual([0], times(), "still visible");

    if (leave === "hidden") page.document.visibilityState = "hidden";
    if (leave === "hidden") page.document.dispatchEvent(new Event("visibilitychange"));
    else page.window.dispatchEvent(new Event("pagehide"));

    assertEqual([0, 100], times(), leave);
  }
});

test("a closed checkpoint has no timer and no listener left", async () => {
  const { clock, checkpoint, page, saves, times } = setUp({ ends: false });
  checkpoint.touch();
  await clock.pass(0);
  checkpoint.touch();

  checkpoint.close();
  saves[0].end();
  await settle();
  checkpoint.touch();
  page.window.dispatchEvent(new Event("pagehide"));
  page.document.visibilityState = "hidden";
  page.document.dispatchEvent(new Event("visibilitychange"));
  await clock.pass(5_000);

  assertEqual([[0], 0], [times(), clock.waiting()]);
});
