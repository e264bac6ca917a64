import { newId } from "/ui/app/ids.js";
import { locks } from "/ui/app/tabs/lock.js";
import { assert, assertEqual, test, until } from "./harness.js";

const never = () => new AbortController().signal;

test("a lock has one holder", async () => {
  const name = newId();
  const release = await locks.tryLock(name);
  assert(release);

  assertEqual(null, await locks.tryLock(name));
  assertEqual(true, await locks.held(name));
  release();
  release();

  await until(async () => !(await locks.held(name)));
  (await locks.tryLock(name))?.();
});

test("who waits for a lock gets it when it is let go, one after the other", async () => {
  const name = newId();
  const first = await locks.tryLock(name);
  /** @type {number[]} */
  const order = [];
  const waiting = [1, 2].map(async (number) => {
    const release = await locks.awaitLock(name, never());
    order.push(number);
    release?.();
  });

  first?.();
  await Promise.all(waiting);

  assertEqual([1, 2], order);
});

test("who waits no more gets nothing, and holds up nobody", async () => {
  const name = newId();
  const first = await locks.tryLock(name);
  const given = new AbortController();
  const waiting = locks.awaitLock(name, given.signal);

  given.abort();
  assertEqual(null, await waiting);
  first?.();

  const next = await locks.awaitLock(name, never());
  assert(next);
  next();
});

test("where the browser refuses every lock, everybody is granted them, as where there are none", async () => {
  const { request } = navigator.locks;
  navigator.locks.request = () => Promise.reject(new DOMException("denied", "SecurityError"));
  try {
    const release = await locks.awaitLock(newId(), never());
    assert(release);
    release();
    assertEqual(false, locks.available);
    assertEqual(false, await locks.held(newId()));
  } finally {
    navigator.locks.request = request;
    locks.available = true;
  }
});
