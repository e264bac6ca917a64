// Short messages over the page: what was done and can be undone, what went wrong beside the answers. They go when the
// chat lets them go; one that is being read stays a little longer.

import { createNotices } from "../chat/notices.js";
import { html, useState } from "../vendor/core.js";
import { t } from "../strings.js";
import { Icon } from "../icons.js";
import { useChat } from "./context.js";

/** @typedef {import("../chat/notices.js").Notice} Notice */
/** @typedef {{notice: Notice, dismiss: () => void}} Shown */

const SHOWN_MS = 8_000;

const own = createNotices(SHOWN_MS);

/**
 * Say what the page itself has to say; the chat says the rest.
 *
 * @param {Omit<Notice, "id">} notice
 */
export function tell(notice) {
  own.add(notice);
}

export function Notices() {
  const chat = useChat();
  const [held, hold] = useState(/** @type {Notice | null} */ (null));
  /** @type {Shown[]} */
  const current = [chat, own].flatMap(({ notices, dismiss }) =>
    notices.value.map((notice) => ({ notice, dismiss: () => dismiss(notice.id) })),
  );
  // What is pointed at or has the focus does not vanish; one with an action does, as the action is no longer there.
  if (held !== null && !held.action && !current.some(({ notice }) => notice === held)) {
    current.unshift({ notice: held, dismiss: () => hold(null) });
  }
  return html`<div class="notices" role="status">
    ${current.map((shown) => html`<${Toast} key=${keyOf(shown.notice)} ...${shown} hold=${hold} />`)}
  </div>`;
}

/** @type {WeakMap<Notice, number>} */
const keys = new WeakMap();
let lastKey = 0;

/** @param {Notice} notice  Two lists make notices: their ids may be the same. */
function keyOf(notice) {
  const key = keys.get(notice) ?? (lastKey += 1);
  keys.set(notice, key);
  return key;
}

/** @param {Shown & {hold: (notice: Notice | null) => void}} props */
function Toast({ notice, dismiss, hold }) {
  const { action } = notice;
  const close = () => {
    hold(null);
    dismiss();
  };
  const act = () => {
    action?.run();
    close();
  };
  const keep = () => hold(notice);
  const release = () => hold(null);
  return html`<div class="notice" onMouseEnter=${keep} onMouseLeave=${release} onFocusIn=${keep} onFocusOut=${release}>
    <p>${notice.text} ${notice.code && html`<code>${notice.code}</code>`}</p>
    ${action && html`<button type="button" class="button" onClick=${act}>${action.label}</button>`}
    <button type="button" class="icon-button" aria-label=${t("app.close")} onClick=${close}><${Icon} name="close" /></button>
  </div>`;
}
