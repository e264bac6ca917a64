// Requests that change keys.

import { ask } from "../session.js";

/**
 * @param {"POST" | "PATCH"} method
 * @param {string} path
 * @param {object} body
 * @returns {Promise<any>}
 */
export function send(method, path, body) {
  return ask(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

/** @param {import("../admin/shapes.js").Key} key */
export function pathOf({ id }) {
  return `/admin/v1/keys/${encodeURIComponent(id)}`;
}
