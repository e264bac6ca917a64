// How a call ended, as a badge.

import { html } from "../vendor/core.js";
import { t } from "../admin/texts.js";

/** @typedef {import("../admin/shapes.js").Call} Call */

/** All but `ok` are failures. */
export const STATUSES = /** @type {const} */ (["ok", "client_closed", "upstream_error", "timeout", "rejected", "draining", "internal"]);

/** @param {string} status */
export function statusText(status) {
  const known = STATUSES.find((each) => each === status);
  return known === undefined ? status : t(`status.${known}`);
}

/** @param {{call: Call}} props */
export function Status({ call: { status, code } }) {
  const kind = status === "ok" ? "ok" : status === "client_closed" ? "quiet" : "failed";
  return html`<span class=${`badge badge-${kind}`}>${statusText(status)}</span>${code && html`<code class="cell-sub">${code}</code>`}`;
}
