// Which page the address names, and how it changes. `/` is a new chat, `/ui/chat/{id}` one that is kept, `/ui/models`
// the models.

import { signal } from "./vendor/core.js";

/** @typedef {{page: "chat", thread: string | null} | {page: "models"}} Route */

export const HOME = "/";
export const MODELS = "/ui/models";

/** @type {import("./vendor/core.js").Signal<Route>} */
export const route = signal(parse(location.pathname));

/** @param {string} thread */
export function chatPath(thread) {
  return `/ui/chat/${encodeURIComponent(thread)}`;
}

/**
 * @param {string} path
 * @returns {Route}
 */
export function parse(path) {
  if (path === MODELS) return { page: "models" };
  const thread = /^\/ui\/chat\/([^/]+)$/.exec(path)?.[1];
  try {
    return { page: "chat", thread: thread === undefined ? null : decodeURIComponent(thread) };
  } catch {
    return { page: "chat", thread: null }; // an address that is not UTF-8
  }
}

/**
 * Show another page.
 *
 * @param {string} path
 * @param {{replace?: boolean}} [how]  `replace`: without a way back to where one is.
 */
export function go(path, { replace = false } = {}) {
  if (path !== location.pathname) history[replace ? "replaceState" : "pushState"](null, "", path);
  const next = parse(path);
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
  go(event.currentTarget.pathname);
}

/** Follow the browser's back and forward. Called once, when the page starts. */
export function followHistory() {
  addEventListener("popstate", () => {
    route.value = parse(location.pathname);
  });
}

/** Give what `?q=` asks, once: it is taken out of the address, so that a reload does not ask it again. */
export function takeQuestion() {
  const asked = new URLSearchParams(location.search).get("q") ?? "";
  if (location.search !== "") history.replaceState(null, "", location.pathname);
  return asked;
}
