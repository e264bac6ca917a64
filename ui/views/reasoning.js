// What a model thought before it answered: folded away until somebody opens it, and left as they left it.

import { html, useState } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { t } from "../strings.js";
import { duration, useNow, wholeDuration } from "./figures.js";
import { Prose } from "./live_message.js";

/** @typedef {import("../chat/live.js").Live} Live */
/** @typedef {import("../types.js").Message} Message */

/** @param {{message: Message, live: Live | null}} props */
export function Reasoning({ message, live }) {
  const [open, setOpen] = useState(false);
  if (message.reasoning === "") return null;
  const thinking = live !== null && message.content === "" && message.tools.length === 0;
  // The text is not made while nobody sees it: a model may think ten times as much as it says.
  return html`<details class="aside reasoning" onToggle=${(/** @type {Event} */ event) => setOpen(isOpen(event))}>
    <summary class=${thinking ? "thinking" : ""}>
      <${Icon} name="think" />
      ${thinking ? html`<${Clock} live=${live} />` : html`<span>${done(message)}</span>`}
      <${Icon} name="forward" />
    </summary>
    ${open && html`<div class="aside-body"><${Prose} message=${message} live=${live} part="reasoning" /></div>`}
  </details>`;
}

/** @param {{live: Live}} props */
function Clock({ live }) {
  const now = useNow(1000);
  return html`<span>${t("reasoning.live", { time: wholeDuration(now - (live.firstAt ?? now)) })}</span>`;
}

/** @param {Message} message */
function done({ reasoningMs }) {
  return reasoningMs > 0 ? t("reasoning.done", { time: duration(reasoningMs) }) : t("reasoning.untimed");
}

/** @param {Event} event */
function isOpen(event) {
  return event.currentTarget instanceof HTMLDetailsElement && event.currentTarget.open;
}
