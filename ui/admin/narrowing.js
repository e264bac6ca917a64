// The boxes that narrow what a page shows. On a phone they are behind a button: what they narrow is what one came for.

import { html } from "../vendor/core.js";
import { narrow } from "../views/context.js";
import { query, setQuery } from "./query.js";
import { t } from "./texts.js";
import { number } from "./written.js";

/** @param {{names: readonly string[], children: import("../vendor/core.js").ComponentChildren}} props  `names`: in the query. */
export function Narrowing({ names, children }) {
  const here = query();
  const on = names.filter((name) => here.has(name)).length;
  const clear = () => setQuery(Object.fromEntries(names.map((name) => [name, null])));
  return html`<details class="narrowing" open=${!narrow.value}>
    <summary class="button">${t("filter.title")} ${on > 0 && html`<span class="badge">${number(on)}</span>`}</summary>
    <div class="admin-tools">
      ${children}
      ${on > 0 && html`<button type="button" class="button button-quiet" onClick=${clear}>${t("filter.clear")}</button>`}
    </div>
  </details>`;
}
