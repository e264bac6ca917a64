import { assert, assertEqual, test, until } from "./harness.js";
import { signal } from "/ui/app/vendor/core.js";
import { stickToEnd } from "/ui/app/views/scroll.js";

const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));

/** @param {(page: {scroller: HTMLElement, following: {value: boolean}, left: () => number,
 *   size: (px: number) => Promise<void>, stick: ReturnType<typeof stickToEnd>}) => Promise<void>} body */
async function withScroller(body) {
  const scroller = document.createElement("div");
  const content = document.createElement("div");
  scroller.style.cssText = "block-size: 200px; overflow-y: auto";
  content.style.blockSize = "1000px";
  scroller.append(content);
  document.body.append(scroller);
  const following = signal(true);
  const stick = stickToEnd(scroller, content, following);
  await frame();
  const size = async (/** @type {number} */ px) => {
    content.style.blockSize = `${px}px`;
    await frame();
  };
  const left = () => Math.round(scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop);
  await body({ scroller, following, left, size, stick });
  stick.close();
  scroller.remove();
}

const wheel = (/** @type {number} */ deltaY, more = {}) => new WheelEvent("wheel", { deltaY, bubbles: true, ...more });

test("it begins at the end and stays there while the content grows", () =>
  withScroller(async ({ left, size }) => {
    assertEqual(0, left());
    await size(3000);
    assertEqual(0, left());
  }));

test("it stays at the end when the content or the window shrinks", () =>
  withScroller(async ({ scroller, following, left, size }) => {
    await size(400);
    await size(900);
    scroller.style.blockSize = "120px";
    await frame();

    assertEqual([true, 0], [following.value, left()]);
  }));

test("it stays at the end when something looks at the content while it shrinks", () =>
  withScroller(async ({ scroller, following, left, size }) => {
    await size(1000);
    await new Promise((resolve) => setTimeout(resolve));
    /** @type {HTMLElement} */ (scroller.firstElementChild).style.blockSize = "500px";
    assertEqual(300, scroller.scrollTop); // the browser has scrolled by itself, before the size was observed

    await frame();

    assertEqual([true, 0], [following.value, left()]);
  }));

test("a wheel upwards lets go at once; what comes then moves nothing", () =>
  withScroller(async ({ scroller, following, size }) => {
    scroller.dispatchEvent(wheel(-50));
    assertEqual(false, following.value);
    const before = scroller.scrollTop;

    await size(2000);

    assertEqual(before, scroller.scrollTop);
  }));

test("a wheel downwards, or one that zooms, does not let go", () =>
  withScroller(async ({ scroller, following }) => {
    scroller.dispatchEvent(wheel(50));
    scroller.dispatchEvent(wheel(-50, { ctrlKey: true }));
    assertEqual(true, following.value);
  }));

test("a wheel that something inside takes for itself does not let go", () =>
  withScroller(async ({ scroller, following }) => {
    const inner = document.createElement("div");
    inner.style.cssText = "block-size: 50px; overflow: auto";
    const text = inner.appendChild(document.createElement("div"));
    text.style.blockSize = "500px";
    scroller.firstElementChild?.append(inner);
    inner.scrollTop = 100;

    text.dispatchEvent(wheel(-50));

    assertEqual(true, following.value);
  }));

test("keys that go up let go, save where one types", () =>
  withScroller(async ({ scroller, following }) => {
    const box = scroller.appendChild(document.createElement("textarea"));
    box.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true }));
    assertEqual(true, following.value);

    scroller.dispatchEvent(new KeyboardEvent("keydown", { key: "PageUp", bubbles: true }));

    assertEqual(false, following.value);
  }));

test("a move of the scrollbar upwards lets go, one to the end holds on again", () =>
  withScroller(async ({ scroller, following, left, size }) => {
    scroller.scrollTop = 300;
    await until(() => !following.value);
    await size(2000);
    assert(left() > 0);

    scroller.scrollTop = scroller.scrollHeight;
    await until(() => following.value);
    await size(3000);

    assertEqual(0, left());
  }));

test("a move downwards that ends before the end does not hold on", () =>
  withScroller(async ({ scroller, following }) => {
    scroller.scrollTop = 100;
    await until(() => !following.value);

    scroller.scrollTop = 500;
    await frame();
    await frame();

    assertEqual(false, following.value);
  }));

test("nothing is let go of where there is nothing to scroll", () =>
  withScroller(async ({ scroller, following, size }) => {
    await size(100);
    scroller.dispatchEvent(wheel(-50));
    assertEqual(true, following.value);
  }));

test("the way to the end leads there and holds on", () =>
  withScroller(async ({ scroller, following, left, size, stick }) => {
    scroller.dispatchEvent(wheel(-50));
    await size(2000);

    stick.toEnd();

    assertEqual([true, 0], [following.value, left()]);
  }));

test("nothing moves while the mouse is pressed on the text", () =>
  withScroller(async ({ scroller, left, size }) => {
    scroller.dispatchEvent(new PointerEvent("pointerdown", { pointerType: "mouse", bubbles: true }));
    const before = scroller.scrollTop;
    await size(2000);
    assertEqual(before, scroller.scrollTop);

    dispatchEvent(new PointerEvent("pointerup", { pointerType: "mouse" }));

    assertEqual(0, left());
  }));

test("once closed it holds on to nothing", () =>
  withScroller(async ({ scroller, left, size, stick }) => {
    stick.close();
    await size(2000);
    scroller.dispatchEvent(wheel(-50));
    assert(left() > 0);
  }));
