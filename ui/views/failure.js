// What is shown where an answer failed: what happened, in a sentence and a code, what the other side said, and ways on.

import { html } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { keyWanted } from "../session.js";
import { explain } from "../stream/failures.js";
import { t } from "../strings.js";
import { useNow, wholeDuration } from "./figures.js";
import { RetryMenu } from "./retry_menu.js";
import { useChat } from "./context.js";
import { go, HOME } from "../router.js";

/** @typedef {import("../chat/chat.js").Chat} Chat */
/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */
/** @typedef {import("../stream/failures.js").Way} Way */
/** @typedef {import("../types.js").Failure} Failure */
/** @typedef {import("../types.js").Message} Message */

/** @param {{open: OpenThread, message: Message, failure: Failure, last: boolean}} props */
export function FailureNote({ open, message, failure, last }) {
  const { title, sentence, ways } = explain(failure);
  const possible = ways.filter((way) => way !== "continue" || (last && message.content !== ""));
  // Read aloud only where it is news: in a long thread there may be many.
  return html`<div class="error-status" role=${last ? "alert" : "group"}>
    <${Icon} name="alert" />
    <div class="error-text">
      <p><strong>${title}</strong> <code>${failure.code}</code></p>
      <p>${sentence}</p>
      <${Details} failure=${failure} />
      <div class="ways" role="group" aria-label=${t("problem.ways")}>
        ${possible.map((way, index) => html`<${WayOn} key=${way} ...${{ way, open, message, failure, first: index === 0 }} />`)}
      </div>
    </div>
  </div>`;
}

/** @param {{failure: Failure}} props */
function Details({ failure }) {
  const { detail, raw, requestId } = failure;
  if (detail === "" && raw === "" && requestId === "") return null;
  return html`<details>
    <summary>${t("problem.details")}</summary>
    ${detail && html`<p class="hint">${t("problem.detail")}</p><pre dir="auto">${detail}</pre>`}
    ${raw && html`<p class="hint">${t("problem.raw")}</p><pre dir="auto">${raw}</pre>`}
    ${requestId && html`<p class="hint">${t("problem.request", { id: requestId })}</p>`}
  </details>`;
}

/** @param {{way: Way, open: OpenThread, message: Message, failure: Failure, first: boolean}} props */
function WayOn({ way, open, message, failure, first }) {
  const chat = useChat();
  const busy = open.live.value !== null;
  if (way === "model") {
    return html`<${RetryMenu} open=${open} message=${message} class="button" trigger=${t("way.model")} />`;
  }
  const look = first ? "button button-primary" : "button";
  if (way === "retry") return html`<${Retry} ...${{ open, message, retryAt: failure.retryAt, look, busy }} />`;
  /** @type {Record<Exclude<Way, "model" | "retry">, () => unknown>} */
  const runs = {
    continue: () => open.continueAnswer(message),
    unstreamed: () => open.retry(message, { stream: false }),
    key: () => (keyWanted.value = true),
    compact: () => askAnew(chat, open, message),
  };
  return html`<button type="button" class=${look} disabled=${busy} onClick=${runs[way]}>${t(`way.${way}`)}</button>`;
}

/**
 * It waits as long as the other side has asked for.
 *
 * @param {{open: OpenThread, message: Message, retryAt: number | null, look: string, busy: boolean}} props
 */
function Retry({ open, message, retryAt, look, busy }) {
  const due = retryAt ?? 0;
  const now = useNow(due > Date.now() ? 250 : 0);
  const wait = Math.max(0, due - Math.max(now, Date.now()));
  return html`<button type="button" class=${look} disabled=${busy || wait > 0} onClick=${() => open.retry(message)}>
    ${wait > 0 ? t("way.retryIn", { time: wholeDuration(Math.ceil(wait / 1000) * 1000) }) : t("way.retry")}
  </button>`;
}

/**
 * Put the question into a new chat's box.
 *
 * @param {Chat} chat
 * @param {OpenThread} open
 * @param {Message} message
 */
async function askAnew(chat, open, message) {
  const question = open.messages.peek().get(message.parent ?? "");
  go(HOME);
  await chat.show(null);
  const fresh = chat.open.peek();
  if (fresh === null || question === undefined) return;
  fresh.setDraft(question.content);
  fresh.pictures.value = question.pictures;
}
