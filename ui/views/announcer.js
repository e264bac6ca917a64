// What is said aloud: a region of its own, so that a screen reader hears two or three sentences an answer and not every
// token.

import { effect, html, signal } from "../vendor/core.js";
import { t } from "../strings.js";

/** @typedef {import("../chat/live.js").Live} Live */
/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */

const said = signal({ text: "", turn: 0 });

/** @param {string} text */
export function announce(text) {
  said.value = { text, turn: said.peek().turn + 1 };
}

/** The region. Mounted once, always there: one that comes with its text is not read. */
export function Announcer() {
  const { text, turn } = said.value;
  // A new node each time, so that the same sentence twice is said twice.
  return html`<div class="visually-hidden" role="status"><span key=${turn}>${text}</span></div>`;
}

/**
 * Say when the answers of a thread begin and how they end. A failure is not among it: its note is an alert.
 *
 * @param {OpenThread} open
 * @returns {() => void} Ends that.
 */
export function announceAnswers(open) {
  /** @type {Live | null} */
  let coming = null;
  let begun = false;
  return effect(() => {
    const live = open.live.value;
    if (live !== coming && coming !== null) announceEnd(open, coming.id);
    if (live !== coming) begun = false;
    coming = live;
    if (begun || live?.status.value !== "streaming") return;
    begun = true;
    announce(t("announce.streaming"));
  });
}

/**
 * @param {OpenThread} open
 * @param {string} id
 */
function announceEnd(open, id) {
  const message = open.messages.peek().get(id);
  if (message?.status === "stopped") return announce(t("announce.stopped"));
  if (message?.status !== "done") return;
  const { usage } = message;
  if (usage === null) announce(t("announce.completeUncounted"));
  else announce(t("announce.complete", { tokens: t("tokens", { count: usage.output }) }));
}
