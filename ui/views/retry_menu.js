// Asking the same again, of another model.

import { html } from "../vendor/core.js";
import { models } from "../models.js";
import { settings } from "../settings.js";
import { t } from "../strings.js";
import { Menu } from "./menu.js";

/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */
/** @typedef {import("../types.js").Message} Message */

/** A menu is read at a glance; who serves more has the picker in the header, and its favourites here. */
const LISTED = 12;

/**
 * @param {{open: OpenThread, message: Message, trigger: import("../vendor/core.js").ComponentChildren, class: string}} props
 */
export function RetryMenu({ open, message, trigger, class: className }) {
  const items = others(message.model).map((model) => ({ label: model, run: () => void open.retry(message, { model }) }));
  if (items.length === 0) return null;
  return html`<${Menu} label=${t("message.retryWith")} items=${items} trigger=${trigger} class=${className} />`;
}

/** @param {string} asked  The model that was. */
function others(asked) {
  const { favourites } = settings.value;
  const listed = models.value.map(({ id }) => id).filter((id) => id !== asked);
  const liked = listed.filter((id) => favourites.includes(id));
  return [...liked, ...listed.filter((id) => !favourites.includes(id))].slice(0, Math.max(LISTED, liked.length));
}
