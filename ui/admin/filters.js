// Boxes that narrow what a page shows to one key, model, provider or team. What there is to choose from is what calls had.

import { html } from "../vendor/core.js";
import { language } from "../strings.js";
import { FILTERS, keyName } from "./names.js";
import { query, setQuery } from "./query.js";
import { t } from "./texts.js";

/** @typedef {import("./names.js").Names} Names */
/** @typedef {import("./shapes.js").Key} Key */

/** @param {{names: Names | null, keys: Map<string, Key>}} props */
export function Filters({ names, keys }) {
  return FILTERS.map((name) => {
    const label = (/** @type {string} */ value) => (name === "key_id" ? keyName(value, keys) : value);
    const offered = name === "key_id" ? byName([...keys.keys()], label) : (names?.[name] ?? []);
    return html`<${Filter} key=${name} name=${name} offered=${offered} label=${label} />`;
  });
}

/**
 * @param {string[]} ids
 * @param {(id: string) => string} label
 */
function byName(ids, label) {
  const order = new Intl.Collator(language, { numeric: true });
  return ids.sort((one, other) => order.compare(label(one), label(other)));
}

/** @param {{name: typeof FILTERS[number], offered: string[], label: (value: string) => string}} props */
function Filter({ name, offered, label }) {
  const value = query().get(name) ?? "";
  const all = value === "" || offered.includes(value) ? offered : [value, ...offered];
  if (all.length === 0) return null;
  return html`<select class="input select" aria-label=${t(`filter.${name}`)} value=${value} data-on=${value !== ""} data-testid=${`filter-${name}`}
    onChange=${(/** @type {any} */ event) => setQuery({ [name]: event.currentTarget.value })}>
    <option value="">${t(`filter.any.${name}`)}</option>
    ${all.map((each) => html`<option key=${each} value=${each}>${label(each)}</option>`)}
  </select>`;
}
