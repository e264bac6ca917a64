// A thread: its header, its messages and the box to write in.

import { html, useEffect, useRef, useSignal, useSignalEffect } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { t } from "../strings.js";
import { announceAnswers } from "./announcer.js";
import { Composer } from "./composer.js";
import { EmptyThread } from "./empty_thread.js";
import { MessageView } from "./parts.js";
import { useStickToEnd } from "./scroll.js";
import { ThreadHeader } from "./thread_header.js";

/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */

/** @param {{open: OpenThread}} props  Mounted anew for each thread. */
export function ThreadView({ open }) {
  const empty = open.path.value.length === 0;
  const stick = useStickToEnd(!empty);
  /** @type {import("../vendor/core.js").Signal<File[]>} */
  const dropped = useSignal([]);
  useEffect(() => announceAnswers(open), [open]);
  return html`<div class="thread" ...${useDrop(dropped)}>
    <${ThreadHeader} open=${open} />
    <div class="scroller" ref=${stick.scroller} tabindex="0" role="log" aria-live="off" aria-label=${t("log")}>
      <div class="messages" ref=${stick.content}>
        ${empty ? html`<${EmptyThread} open=${open} />` : html`<${Messages} open=${open} />`}
      </div>
    </div>
    <div class="thread-end">
      ${!empty && html`<${ToEnd} open=${open} stick=${stick} />`}
      <${Composer} open=${open} dropped=${dropped} onSent=${stick.toEnd} />
    </div>
  </div>`;
}

/** @param {{open: OpenThread}} props */
function Messages({ open }) {
  const path = open.path.value;
  const live = open.live.value;
  const from = useSlices(path.length);
  return path.map((message, at) => {
    const versions = open.siblings(message);
    return html`<${MessageView}
      key=${message.id}
      open=${open}
      message=${message}
      live=${live?.id === message.id ? live : null}
      ready=${at >= from}
      last=${at === path.length - 1}
      index=${versions.indexOf(message)}
      count=${versions.length}
    />`;
  });
}

/** As many as fill a large screen are drawn at once, the others upwards from there whenever there is time. */
const FIRST = 30;
const SLICE = 10;

/**
 * @param {number} count  Of the messages.
 * @returns {number} From which on they are to be drawn.
 */
function useSlices(count) {
  const from = useSignal(Math.max(0, count - FIRST));
  useEffect(() => {
    if (from.value === 0) return undefined;
    const draw = () => {
      from.value = Math.max(0, from.value - SLICE);
    };
    if (typeof requestIdleCallback === "undefined") {
      const timer = setTimeout(draw, 16);
      return () => clearTimeout(timer);
    }
    const idle = requestIdleCallback(draw, { timeout: 200 });
    return () => cancelIdleCallback(idle);
  }, [from.value]);
  return from.value;
}

/** @param {{open: OpenThread, stick: ReturnType<typeof useStickToEnd>}} props */
function ToEnd({ open, stick }) {
  const fresh = useSignal(false);
  useSignalEffect(() => {
    // Only what the model says is news: the page also grows when something is opened or edited.
    if (stick.following.value) fresh.value = false;
    else if (open.live.value !== null) fresh.value = true;
  });
  if (stick.following.value) return null;
  const label = t(fresh.value ? "scroll.newHint" : "scroll.end");
  return html`<button type="button" class="to-end" data-testid="to-end" data-fresh=${fresh.value} title=${label}
    aria-label=${label} onClick=${stick.toEnd}>
    <${Icon} name="down" />${fresh.value && html`<span>${t("scroll.new")}</span>`}
  </button>`;
}

/**
 * Take files that are dropped anywhere on the thread.
 *
 * @param {import("../vendor/core.js").Signal<File[]>} dropped
 */
function useDrop(dropped) {
  const over = useSignal(false);
  const leaving = useRef(0);
  const carries = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") === true;
  useEffect(() => () => clearTimeout(leaving.current), []);
  return {
    "data-dropping": over.value ? t("picture.drop") : undefined,
    onDragOver(/** @type {DragEvent} */ event) {
      if (!carries(event)) return;
      event.preventDefault();
      clearTimeout(leaving.current);
      over.value = true;
    },
    // It is left for each thing in it that is entered; only what is not followed by another "over" is the end.
    onDragLeave() {
      clearTimeout(leaving.current);
      leaving.current = setTimeout(() => (over.value = false), 120);
    },
    onDrop(/** @type {DragEvent} */ event) {
      over.value = false;
      if (!carries(event)) return;
      event.preventDefault();
      dropped.value = [...(event.dataTransfer?.files ?? [])];
    },
  };
}
