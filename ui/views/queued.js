// The one message that waits for the present answer to end.

import { html } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { t } from "../strings.js";

/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */

/** @param {{open: OpenThread}} props */
export function Queued({ open }) {
  const said = open.queued.value;
  if (said === null) return null;
  const words = said.text || said.pictures.map(({ name }) => name).join(", ");
  return html`<div class="queued" role="group" aria-label=${t("composer.queued")}>
    <span class="badge"><${Icon} name="clock" /> ${t("composer.queued")}</span>
    <span class="queued-text" dir="auto" title=${words.slice(0, 500)}>${words.slice(0, 200)}</span>
    <button type="button" class="icon-button" title=${t("composer.unqueue")} aria-label=${t("composer.unqueue")}
      onClick=${() => takeBack(open)}><${Icon} name="close" /></button>
  </div>`;
}

/**
 * Put it back where it was written, before what is there by now.
 *
 * @param {OpenThread} open
 */
function takeBack(open) {
  const said = open.queued.peek();
  open.queued.value = null;
  if (said === null) return;
  open.setDraft([said.text, open.draft.peek()].filter((text) => text !== "").join("\n\n"));
  open.pictures.value = [...said.pictures, ...open.pictures.peek()];
}
