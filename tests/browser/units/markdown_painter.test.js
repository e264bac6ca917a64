// How a stream is paced, and what a click in an answer does.

import { assert, assertEqual, test, until } from "./harness.js";
import { inPage, once } from "./markdown_support.js";
import { onMarkdownClick } from "/ui/app/markdown/actions.js";
import { createPainter } from "/ui/app/markdown/painter.js";

test("What comes is shown with the next frame.", async () => {
  const root = document.createElement("div");
  const painter = createPainter(root);

  painter.push("**a");
  painter.push("b** c");
  assertEqual("", root.innerHTML);
  await until(() => root.textContent === "ab c");

  painter.close();
});

test("At its end everything is shown at once, for good.", () => {
  const root = document.createElement("div");
  const painter = createPainter(root);
  painter.push("**a** [x");

  painter.end();
  painter.push("more");
  painter.end();

  assertEqual(once("**a** [x").innerHTML, root.innerHTML);
});

test("Closed, it shows nothing more.", async () => {
  const root = document.createElement("div");
  const painter = createPainter(root);
  painter.push("a");
  painter.close();

  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 50)));

  assertEqual("", root.innerHTML);
});

test("However it ends, it leaves no timer, no frame and no listener.", () => {
  for (const end of [/** @type {const} */ ("end"), /** @type {const} */ ("close")]) {
    const left = leftBy(() => {
      const painter = createPainter(document.createElement("div"));
      painter.push("a");
      painter[end]();
    });
    assertEqual({ left: [], listeners: 0 }, left, end);
  }
});

/** @param {() => void} act */
function leftBy(act) {
  const pending = new Set();
  let listeners = 0;
  const kept = {
    request: window.requestAnimationFrame,
    cancel: window.cancelAnimationFrame,
    add: document.addEventListener,
    remove: document.removeEventListener,
    set: window.setTimeout,
    clear: window.clearTimeout,
  };
  window.requestAnimationFrame = () => (pending.add("frame"), 1);
  window.cancelAnimationFrame = () => void pending.delete("frame");
  Reflect.set(window, "setTimeout", () => (pending.add("timer"), 1));
  Reflect.set(window, "clearTimeout", () => pending.delete("timer"));
  document.addEventListener = () => void (listeners += 1);
  document.removeEventListener = () => void (listeners -= 1);
  try {
    act();
  } finally {
    Object.assign(window, {
      requestAnimationFrame: kept.request,
      cancelAnimationFrame: kept.cancel,
      setTimeout: kept.set,
      clearTimeout: kept.clear,
    });
    Object.assign(document, { addEventListener: kept.add, removeEventListener: kept.remove });
  }
  return { left: [...pending], listeners };
}

test("A hidden page is written to by a timer.", async () => {
  const root = document.createElement("div");
  const frame = window.requestAnimationFrame;
  window.requestAnimationFrame = () => 0;
  Object.defineProperty(document, "hidden", { value: true, configurable: true });
  const painter = createPainter(root);
  try {
    painter.push("a");
    await until(() => root.textContent === "a");
  } finally {
    painter.close();
    window.requestAnimationFrame = frame;
    Reflect.deleteProperty(document, "hidden");
  }
});

test("Where rendering fails, the text is shown as it is, and the failure is told once.", () => {
  const root = document.createElement("div");
  /** @type {unknown[]} */
  const errors = [];
  const painter = createPainter(root, { onError: (error) => errors.push(error) });
  painter.push("**a** ");
  root.insertBefore = root.appendChild = () => {
    throw new Error("broken");
  };
  painter.push("b\n\nc");
  painter.end();

  assertEqual("**a** b\n\nc", root.textContent);
  assertEqual(["Error: broken"], errors.map(String));
});

test("The button of code copies it as it was written.", () =>
  inPage("```py\nif x:\n    'ü'\n```", async (root) => {
    const copied = await clicked(root, ".md-copy");
    assertEqual(["if x:\n    'ü'"], copied.clipboard);
    await until(() => root.querySelector(".md-copy")?.textContent === "Copied");
  }));

test("A picture is opened by a click only, apart from this page.", () =>
  inPage("![a](https://example.com/b.png)", async (root) => {
    assertEqual(
      [["https://example.com/b.png", "_blank", "noopener,noreferrer"]],
      (await clicked(root, ".md-image")).opened,
    );
    root.querySelector(".md-image")?.setAttribute("data-open", "javascript:globalThis.canary=1");
    assertEqual([], (await clicked(root, ".md-image")).opened);
  }));

test("A link to a heading goes there, and changes no address.", () =>
  inPage(`[go](#the-end)\n\n${"text\n\n".repeat(200)}\n## The *end*!\n`, async (root) => {
    const before = location.href;
    await clicked(root, "a");
    const top = root.querySelector("h2")?.getBoundingClientRect().top ?? -1;
    assert(top >= 0 && top < innerHeight, `at ${top}`);
    assertEqual(before, location.href);
  }));

/**
 * @param {HTMLElement} root
 * @param {string} selector
 */
async function clicked(root, selector) {
  /** @type {unknown[]} */
  const opened = [];
  /** @type {string[]} */
  const clipboard = [];
  const open = window.open;
  window.open = (...given) => (opened.push(given), null);
  const write = navigator.clipboard.writeText;
  navigator.clipboard.writeText = async (text) => void clipboard.push(text);
  root.addEventListener("click", onMarkdownClick);
  try {
    root.querySelector(selector)?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
    await Promise.resolve();
  } finally {
    window.open = open;
    navigator.clipboard.writeText = write;
    root.removeEventListener("click", onMarkdownClick);
  }
  return { opened, clipboard };
}
