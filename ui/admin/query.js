// What a page shows, in the query of its address: a link to it shows the same to somebody else, and so does a reload.

import { go, route } from "../router.js";

/** @returns {URLSearchParams} Those of the page that is shown; who reads them follows them. */
export function query() {
  const here = route.value;
  return new URLSearchParams("query" in here ? here.query : "");
}

/** @typedef {Record<string, string | null>} Changes  Null or empty: it is left out. */

/** @param {Changes} changed  Takes the place of what is in the address; there is no way back to that. */
export function setQuery(changed) {
  go(withQuery(location.pathname, changed, new URLSearchParams(location.search)), { replace: true });
}

/**
 * @param {string} path
 * @param {Changes} changed
 * @param {URLSearchParams} [before]
 * @returns {string}
 */
export function withQuery(path, changed, before = new URLSearchParams()) {
  const wanted = new URLSearchParams(before);
  for (const [name, value] of Object.entries(changed)) {
    if (value === null || value === "") wanted.delete(name);
    else wanted.set(name, value);
  }
  return wanted.size === 0 ? path : `${path}?${wanted}`;
}
