// The row of buttons under a message: copy, edit, ask again, fork, and the way to its other versions.

import { html } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { chatPath, go } from "../router.js";
import { t } from "../strings.js";
import { CopyButton } from "./copy_button.js";
import { RetryMenu } from "./retry_menu.js";

/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */
/** @typedef {import("../types.js").Message} Message */

/** @param {{open: OpenThread, message: Message, index: number, count: number, edit: () => void}} props */
export function Actions({ open, message, index, count, edit }) {
  const busy = open.live.value !== null;
  const answer = message.role === "assistant";
  const fork = async () => go(chatPath(await open.fork(message)));
  return html`<div class="actions" role="group" aria-label=${t("message.actions")}>
    <${Branches} ...${{ open, message, index, count }} />
    ${message.content !== "" && html`<${CopyButton} text=${() => message.content} label=${t("message.copy")} />`}
    <${Action} icon="edit" label=${t("message.edit")} disabled=${busy} run=${edit} data-action="edit" />
    ${answer && html`<${Action} icon="retry" label=${t("message.retry")} disabled=${busy} run=${() => open.retry(message)} />`}
    ${answer && !busy && html`<${RetryMenu} open=${open} message=${message} class="icon-button icon-button-narrow"
      trigger=${html`<${Icon} name="expand" />`} />`}
    <${Action} icon="branch" label=${t("message.fork")} run=${fork} />
  </div>`;
}

/** @param {{icon: import("../icons.js").IconName, label: string, run: () => unknown, disabled?: boolean}} props */
function Action({ icon, label, run, ...rest }) {
  return html`<button type="button" class="icon-button" title=${label} aria-label=${label} onClick=${run} ...${rest}>
    <${Icon} name=${icon} />
  </button>`;
}

/** @param {{open: OpenThread, message: Message, index: number, count: number}} props */
function Branches({ open, message, index, count }) {
  if (count < 2) return null;
  const busy = open.live.value !== null;
  /** @param {number} by */
  const step = (by) => () => open.choose(open.siblings(message)[index + by]);
  return html`<div class="branches" role="group" aria-label=${t("branch")}>
    <${Action} icon="back" label=${t("branch.previous")} disabled=${busy || index === 0} run=${step(-1)} />
    <span aria-label=${t("branch.at", { index: index + 1, count })}>${t("branch.of", { index: index + 1, count })}</span>
    <${Action} icon="forward" label=${t("branch.next")} disabled=${busy || index === count - 1} run=${step(1)} />
  </div>`;
}
