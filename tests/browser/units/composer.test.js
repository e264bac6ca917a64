import { assert, assertEqual, test, until } from "./harness.js";
import { change } from "/ui/app/settings.js";
import { html, render, signal } from "/ui/app/vendor/core.js";
import { Composer } from "/ui/app/views/composer.js";

const MESSAGE = { status: "streaming" };

/**
 * A composer over a thread that takes everything.
 *
 * @param {(page: {open: any, box: HTMLTextAreaElement, root: HTMLElement, sent: any[], button: (id: string) => HTMLButtonElement | null,
 *   press: (key: string, more?: object) => KeyboardEvent}) => Promise<void>} body
 */
async function withComposer(body) {
  const root = document.body.appendChild(document.createElement("div"));
  /** @type {any[]} */
  const sent = [];
  const open = {
    thread: signal({ model: "" }),
    live: signal(/** @type {any} */ (null)),
    queued: signal(/** @type {any} */ (null)),
    draft: signal(""),
    pictures: signal(/** @type {any[]} */ ([])),
    setDraft: (/** @type {string} */ text) => (open.draft.value = text),
    stop: () => (open.live.value = null),
    async send(/** @type {any} */ said) {
      sent.push(said);
      open.draft.value = "";
      open.pictures.value = [];
      return true;
    },
  };
  render(html`<${Composer} open=${open} dropped=${signal([])} onSent=${() => {}} />`, root);
  const box = /** @type {HTMLTextAreaElement} */ (root.querySelector("textarea"));
  const button = (/** @type {string} */ id) => /** @type {HTMLButtonElement | null} */ (root.querySelector(`[data-testid=${id}]`));
  const press = (/** @type {string} */ key, more = {}) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
    box.dispatchEvent(event);
    return event;
  };
  await body({ open, box, root, sent, button, press });
  render(null, root);
  root.remove();
}

/**
 * @param {HTMLTextAreaElement} box
 * @param {string} text
 */
function type(box, text) {
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

/** An answer that is coming. */
const coming = () => ({
  id: "a",
  message: MESSAGE,
  mine: true,
  status: signal("streaming"),
  startedAt: Date.now(),
  firstAt: null,
  tokens: signal(0),
  subscribe: () => () => {},
});

test("Enter sends what is written and leaves the box empty", () =>
  withComposer(async ({ box, sent, press }) => {
    type(box, "Hello");
    assert(press("Enter").defaultPrevented, "no line break is left behind");

    await until(() => box.value === "");
    assertEqual(["Hello"], sent.map(({ text }) => text));
  }));

test("Shift+Enter and the Enter of an input method do not send", () =>
  withComposer(async ({ box, sent, press }) => {
    type(box, "にほん");
    for (const more of [{ shiftKey: true }, { isComposing: true }, { keyCode: 229 }]) {
      assert(!press("Enter", more).defaultPrevented);
    }
    assertEqual(0, sent.length);
  }));

test("the button to send is off while there is nothing to send", () =>
  withComposer(async ({ open, box, button }) => {
    assertEqual(true, button("send-button")?.disabled);
    type(box, " \n ");
    assertEqual(true, button("send-button")?.disabled);

    type(box, "x");
    await until(() => button("send-button")?.disabled === false);

    type(box, "");
    await until(() => button("send-button")?.disabled === true);
    open.pictures.value = [{ id: "p", name: "p.png", type: "image/png", blob: new Blob(["x"]) }];
    await until(() => button("send-button")?.disabled === false, "a picture alone can be sent");
  }));

test("the box is closed while an answer comes, and the focus goes to Stop and comes back", () =>
  withComposer(async ({ open, box, button }) => {
    box.focus();
    open.live.value = coming();

    await until(() => box.disabled);
    assertEqual(null, button("send-button"));
    await until(() => document.activeElement === button("cancel-button"), "the focus is on Stop");

    button("cancel-button")?.click();

    await until(() => !box.disabled && button("cancel-button") === null);
    await until(() => document.activeElement === box, "the focus is in the box again");
  }));

test("the focus that is elsewhere stays there when an answer ends", () =>
  withComposer(async ({ open, box, root }) => {
    open.live.value = coming();
    await until(() => box.disabled);
    const other = /** @type {HTMLElement} */ (root.appendChild(document.createElement("button")));
    other.focus();

    open.live.value = null;

    await until(() => !box.disabled);
    assertEqual(true, document.activeElement === other);
  }));

test("with the setting one types on, and what waits is shown and can be taken back", () =>
  withComposer(async ({ open, box, root, button }) => {
    change({ typeOn: true });
    open.live.value = coming();
    await until(() => button("cancel-button") !== null);
    assertEqual(false, box.disabled);

    type(box, "later");
    open.queued.value = { text: "next", pictures: [] };
    await until(() => root.querySelector(".queued")?.textContent?.includes("next"));
    assertEqual(true, button("send-button")?.disabled, "one message waits at most");
    /** @type {HTMLElement} */ (root.querySelector(".queued button")).click();

    await until(() => root.querySelector(".queued") === null);
    assertEqual("next\n\nlater", box.value);
    change({ typeOn: false });
  }));

test("a draft that comes from elsewhere is shown, one that was typed is left alone", () =>
  withComposer(async ({ open, box }) => {
    open.draft.value = "from the address";
    assertEqual("from the address", box.value);

    type(box, "typed");
    box.setSelectionRange(2, 2);
    open.draft.value = "typed";

    assertEqual(2, box.selectionStart);
  }));

test("a picture that is pasted is attached, text beside a picture is pasted as text", () =>
  withComposer(async ({ open, box }) => {
    const picture = new File([new Uint8Array(4)], "p.png", { type: "image/png" });
    const pictureAlone = new DataTransfer();
    pictureAlone.items.add(picture);
    const withText = new DataTransfer();
    withText.items.add(picture);
    withText.setData("text/plain", "words");

    const taken = new ClipboardEvent("paste", { clipboardData: pictureAlone, bubbles: true, cancelable: true });
    box.dispatchEvent(taken);
    const left = new ClipboardEvent("paste", { clipboardData: withText, bubbles: true, cancelable: true });
    box.dispatchEvent(left);

    assertEqual([true, false], [taken.defaultPrevented, left.defaultPrevented]);
    assertEqual(["p.png"], open.pictures.value.map((/** @type {any} */ { name }) => name));
  }));

test("a megabyte is pasted in one piece, where the cursor is", () =>
  withComposer(async ({ open, box }) => {
    type(box, "before after");
    box.setSelectionRange(7, 7);
    const data = new DataTransfer();
    data.setData("text/plain", "line\n".repeat(200_000));

    const paste = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
    box.dispatchEvent(paste);

    assert(paste.defaultPrevented);
    assertEqual(1_000_012, box.value.length);
    assert(box.value.startsWith("before line\n") && box.value.endsWith("line\nafter"));
    assert(open.draft.value === box.value);
  }));

test("the addresses of thumbnails are given back", async () => {
  const made = new Set();
  const { createObjectURL, revokeObjectURL } = URL;
  URL.createObjectURL = (blob) => {
    const address = createObjectURL.call(URL, blob);
    made.add(address);
    return address;
  };
  URL.revokeObjectURL = (address) => {
    made.delete(address);
    revokeObjectURL.call(URL, address);
  };
  await withComposer(async ({ open, root }) => {
    const picture = (/** @type {string} */ id) => ({ id, name: `${id}.png`, type: "image/png", blob: new Blob(["x"]) });
    open.pictures.value = [picture("a"), picture("b")];
    await until(() => made.size === 2 && root.querySelectorAll("img").length === 2);
    /** @type {HTMLElement} */ (root.querySelector(".picture-remove")).click();
    await until(() => made.size === 1);
    assertEqual(["b"], open.pictures.value.map((/** @type {any} */ { id }) => id));
  });
  await until(() => made.size === 0);
  Object.assign(URL, { createObjectURL, revokeObjectURL });
});
