// What there is to choose from in filters: the names that calls of some days had, and what keys are called.

import { useAsked } from "./asked.js";
import { withQuery } from "./query.js";

/** @typedef {import("./shapes.js").Group} Group */
/** @typedef {import("./shapes.js").Key} Key */

/** @typedef {Exclude<Group, "day" | "key">} Named */
/** @typedef {Record<Named, string[]>} Names */

/** The filters that calls and usage have alike. A query may not have `key`: the gateway refuses that as a secret in an address. */
export const FILTERS = /** @type {const} */ (["key_id", "model", "provider", "team"]);

/** @returns {Map<string, Key>} Every key that may be seen, by its id; empty until they are there. */
export function useKeys() {
  const { data } = useAsked("/admin/v1/keys?revoked=true", (answer) => keysById(answer.data));
  return data ?? NONE;
}

/** @type {Map<string, Key>} */
const NONE = new Map();

/** @param {Key[]} keys */
function keysById(keys) {
  return new Map(keys.map((key) => [key.id, key]));
}

/**
 * Not of keys: sums by key take the gateway longer, and every key is known by `useKeys`.
 *
 * @param {number} since
 * @param {number} until
 * @returns {Names | null} Null until they are there.
 */
export function useNames(since, until) {
  const by = "model,provider,team";
  const path = withQuery("/admin/v1/usage", { since: String(since), until: String(until), by });
  return useAsked(path, (answer) => namesIn(answer.data)).data;
}

/**
 * @param {import("./shapes.js").UsageRow[]} rows
 * @returns {Names}
 */
export function namesIn(rows) {
  const of = (/** @type {Named} */ group) =>
    [...new Set(rows.map((row) => row[group] ?? ""))].filter((name) => name !== "").sort();
  return { model: of("model"), provider: of("provider"), team: of("team") };
}

/**
 * @param {string} id
 * @param {Map<string, Key>} keys
 * @returns {string} What a key is called: its name, else how its secret begins, else its id.
 */
export function keyName(id, keys) {
  const key = keys.get(id);
  return key?.name || (key?.prefix ? `${key.prefix}…` : "") || id;
}
