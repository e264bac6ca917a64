// Which page the address names, and how it changes. `/` is a new chat, `/ui/chat/{id}` one that is kept, `/ui/models`
// the models. The gateway's own pages (keys, usage, logs) have what they show in the query, too.

import { signal } from "./vendor/core.js";

/**
 * @typedef {{page: "chat", thread: string | null} | {page: "models"} | {page: "keys" | "usage", query: string}
 *   | {page: "logs", call: string | null, query: string}} Route
 */

export const HOME = "/";
export const MODELS = "/ui/models";
export const KEYS = "/ui/keys";
export const USAGE = "/ui/usage";
export const LOGS = "/ui/logs";

/** @type {import("./vendor/core.js").Signal<Route>} */
export const route = signal(parse(location.pathname, location.search));

/** @param {string} thread */
export function chatPath(thread) {
  return `/ui/chat/${encodeURIComponent(thread)}`;
}

/** @param {string} call  Its id. */
export function callPath(call) {
  return `${LOGS}/${encodeURIComponent(call)}`;
}

/**
 * @param {string} path
 * @param {string} [query]  As `location.search` has it.
 * @returns {Route}
 */
export function parse(path, query = "") {
  if (path === MODELS) return { page: "models" };
  if (path === KEYS) return { page: "keys", query };
  if (path === USAGE) return { page: "usage", query };
  if (path === LOGS) return { page: "logs", call: null, query };
  const call = named(path, LOGS);
  return call === null ? { page: "chat", thread: named(path, "/ui/chat") } : { page: "logs", call, query };
}

/**
 * @param {string} path
 * @param {string} folder
 * @returns {string | null} What stands behind the folder; `null` where it is not one name.
 */
function named(path, folder) {
  const name = path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : "";
  try {
    return name === "" || name.includes("/") ? null : decodeURIComponent(name);
  } catch {
    return null; // an address that is not UTF-8
  }
}

/**
 * Show another page.
 *
 * @param {string} path  With a query, where the page has one.
 * @param {{replace?: boolean}} [how]  `replace`: without a way back to where one is.
 */
export function go(path, { replace = false } = {}) {
  if (path !== location.pathname + location.search) history[replace ? "replaceState" : "pushState"](null, "", path);
  const next = parse(location.pathname, location.search);
  if (JSON.stringify(next) !== JSON.stringify(route.peek())) route.value = next;
}

/**
 * Follow a link within the page; one that is to open elsewhere (middle button, Ctrl) is left to the browser.
 *
 * @param {MouseEvent} event  Of the link.
 */
export function follow(event) {
  if (event.defaultPrevented || event.button !== 0 || !(event.currentTarget instanceof HTMLAnchorElement)) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(event.currentTarget.pathname + event.currentTarget.search);
}

/** Follow the browser's back and forward. Called once, when the page starts. */
export function followHistory() {
  addEventListener("popstate", () => {
    route.value = parse(location.pathname, location.search);
  });
}

/** Give what `?q=` asks, once: it is taken out of the address, so that a reload does not ask it again. */
export function takeQuestion() {
  if ("query" in parse(location.pathname)) return ""; // such a page has its own
  const asked = new URLSearchParams(location.search).get("q") ?? "";
  if (location.search !== "") history.replaceState(null, "", location.pathname);
  return asked;
}
