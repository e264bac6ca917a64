// Where a message is written and sent, and an answer stopped. It shares nothing with the list of messages, so that typing
// costs the same in a long thread.

import { effect, html, useComputed, useLayoutEffect, useRef, useSignalEffect, useState } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { settings } from "../settings.js";
import { t } from "../strings.js";
import { ComposerFoot } from "./composer_foot.js";
import { narrow, touch } from "./context.js";
import { PICTURE_TYPES, Pictures, attach, filesOf } from "./pictures.js";
import { Queued } from "./queued.js";
import { isSendKey, pasteLong, useGrowingBox } from "./text_box.js";

/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */
/** @typedef {import("../types.js").Picture} Picture */

/** An Enter this soon after the one that sent was meant for the box as well, not for the Stop button that has the focus now. */
const DOUBLE_MS = 500;

/** @param {{open: OpenThread, dropped: import("../vendor/core.js").Signal<File[]>, onSent: () => void}} props */
export function Composer({ open, dropped, onSent }) {
  const busy = open.live.value !== null;
  const locked = busy && !settings.value.typeOn;
  const box = useBox(open);
  const stop = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const { add, problems, forget } = useAttaching(open, box, dropped);
  const handedAt = useFocus(box, stop, locked);

  async function send() {
    forget();
    if (await open.send({ text: box.current?.value ?? "", pictures: open.pictures.peek() })) onSent();
  }

  return html`<form class="composer" aria-label=${t("composer")} onSubmit=${(/** @type {Event} */ event) => {
    event.preventDefault();
    void send();
  }}>
    <${Queued} open=${open} />
    <div class="composer-box" data-locked=${locked}>
      <${Draft} open=${open} />
      <${AttachButton} add=${add} disabled=${locked} />
      <textarea
        ref=${box}
        data-testid="chat-input"
        rows="1"
        dir="auto"
        enterkeyhint="send"
        aria-label=${t("composer.label")}
        placeholder=${t(locked ? "composer.waiting" : busy ? "composer.next" : "composer.placeholder")}
        disabled=${locked}
        onInput=${() => open.setDraft(box.current?.value ?? "")}
        onPaste=${(/** @type {ClipboardEvent} */ event) => pasted(event, open, add)}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
          if (!isSendKey(event)) return;
          event.preventDefault();
          void send();
        }}
      ></textarea>
      ${!locked && html`<${SendButton} open=${open} busy=${busy} />`}
      ${busy &&
      html`<button type="button" ref=${stop} class="round-button stop-button" data-testid="cancel-button"
        title=${t("composer.stopHint")} aria-label=${t("composer.stop")} onClick=${() => open.stop()}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
          if (event.key === "Enter" && (event.repeat || performance.now() - handedAt.current < DOUBLE_MS)) event.preventDefault();
        }}>
        <${Icon} name="stop" />
      </button>`}
    </div>
    ${problems.length > 0 &&
    html`<div class="composer-problems" role="alert">${problems.map((problem) => html`<p>${problem}</p>`)}</div>`}
    <${ComposerFoot} open=${open} />
  </form>`;
}

/**
 * Take files, from wherever they come.
 *
 * @param {OpenThread} open
 * @param {import("preact").RefObject<HTMLTextAreaElement | null>} box
 * @param {import("../vendor/core.js").Signal<File[]>} dropped
 */
function useAttaching(open, box, dropped) {
  const [problems, setProblems] = useState(/** @type {string[]} */ ([]));
  /** @param {Iterable<File>} files */
  function add(files) {
    const taken = attach(files, open.pictures.peek());
    open.pictures.value = taken.pictures;
    setProblems(taken.problems);
    box.current?.focus({ preventScroll: true });
  }
  useSignalEffect(() => {
    if (dropped.value.length === 0) return;
    add(dropped.value);
    dropped.value = [];
  });
  return { add, problems, forget: () => setProblems([]) };
}

/**
 * @param {ClipboardEvent} event
 * @param {OpenThread} open
 * @param {(files: File[]) => void} add
 */
function pasted(event, open, add) {
  const files = filesOf(event.clipboardData);
  if (files.length > 0) {
    event.preventDefault();
    add(files);
  } else if (event.currentTarget instanceof HTMLTextAreaElement && pasteLong(event.currentTarget, event)) {
    open.setDraft(event.currentTarget.value);
  }
}

/**
 * The box for the text follows the draft; it is not drawn anew with each letter.
 *
 * @param {OpenThread} open
 */
function useBox(open) {
  const box = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useGrowingBox(box);
  useLayoutEffect(() => {
    if (!touch() && !narrow.peek()) box.current?.focus({ preventScroll: true });
  }, []);
  useLayoutEffect(
    () =>
      effect(() => {
        const text = open.draft.value;
        if (box.current === null || box.current.value === text) return;
        box.current.value = text;
        box.current.dispatchEvent(new Event("grow"));
      }),
    [open],
  );
  return box;
}

/**
 * A box that is disabled loses the focus, and so does a Stop button that goes: each hands it to the other.
 *
 * @param {import("preact").RefObject<HTMLTextAreaElement | null>} box
 * @param {import("preact").RefObject<HTMLButtonElement | null>} stop
 * @param {boolean} locked
 * @returns {{current: number}} When the Stop button was handed it, as `performance.now()` has it.
 */
function useFocus(box, stop, locked) {
  const handedAt = useRef(-Infinity);
  const was = useRef(locked);
  const held = useRef(false);
  // Read while this is drawn: once it is in the page, what had the focus may be gone from it.
  if (was.current !== locked) {
    const form = box.current?.form;
    const { activeElement } = document;
    held.current = activeElement === document.body ? getSelection()?.isCollapsed !== false : Boolean(form?.contains(activeElement));
  }
  useLayoutEffect(() => {
    const changed = was.current !== locked;
    was.current = locked;
    if (!changed || !held.current) return;
    if (locked) {
      handedAt.current = performance.now();
      stop.current?.focus({ preventScroll: true });
    } else if (!touch()) box.current?.focus({ preventScroll: true });
  }, [locked]);
  return handedAt;
}

/** @param {{open: OpenThread}} props */
function Draft({ open }) {
  const remove = (/** @type {Picture} */ gone) => {
    open.pictures.value = open.pictures.peek().filter((picture) => picture !== gone);
  };
  return html`<${Pictures} pictures=${open.pictures.value} remove=${remove} />`;
}

/** @param {{open: OpenThread, busy: boolean}} props */
function SendButton({ open, busy }) {
  const nothing = useComputed(() => !/\S/.test(open.draft.value) && open.pictures.value.length === 0);
  const waiting = open.queued.value !== null;
  const label = t(waiting ? "composer.full" : busy ? "composer.queue" : "composer.send");
  return html`<button type="submit" class="round-button send-button" data-testid="send-button" title=${label}
    aria-label=${label} disabled=${nothing.value || waiting}><${Icon} name="send" /></button>`;
}

/** @param {{add: (files: Iterable<File>) => void, disabled: boolean}} props */
function AttachButton({ add, disabled }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const chosen = () => {
    add([...(input.current?.files ?? [])]);
    if (input.current) input.current.value = ""; // so that the same file can be chosen again
  };
  return html`<button type="button" class="round-button attach-button" title=${t("composer.attach")}
      aria-label=${t("composer.attach")} disabled=${disabled} onClick=${() => input.current?.click()}>
      <${Icon} name="image" />
    </button>
    <input ref=${input} type="file" hidden multiple accept=${PICTURE_TYPES.join()} onChange=${chosen} />`;
}
