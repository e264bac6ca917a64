// The page of the keys: which there are, what they may do and have spent; making, changing, exchanging, revoking them.

import { html, useSignal } from "../vendor/core.js";
import { useAsked, useLoaded } from "../admin/asked.js";
import { query, setQuery, withQuery } from "../admin/query.js";
import { GatewayPage, Nothing, Trouble, Waiting } from "../admin/states.js";
import { t } from "../admin/texts.js";
import { Icon } from "../icons.js";
import { ask } from "../session.js";
import { KeyActions, toggle } from "./actions.js";
import { KeyTable } from "./table.js";
import { beginningOf, windowsOf } from "./standing.js";

/** @typedef {import("../admin/shapes.js").Key} Key */
/** @typedef {import("../admin/shapes.js").Me} Me */
/** @typedef {import("../admin/shapes.js").UsageRow} UsageRow */
/** @typedef {import("./actions.js").Action} Action */
/** @typedef {import("./standing.js").Spent} Spent */

export function KeysPage() {
  return html`<${GatewayPage} name="keys">${(/** @type {Me} */ me) => html`<${Keys} me=${me} />`}<//>`;
}

/** @param {{me: Me}} props */
function Keys({ me }) {
  const revoked = query().get("revoked") === "1";
  const words = useSignal("");
  const asked = useAsked(`/admin/v1/keys?revoked=${revoked}`, (answer) => /** @type {Key[]} */ (answer.data));
  const action = useSignal(/** @type {Action | null} */ (null));
  const keys = asked.data ?? [];
  const spent = useSpent(keys);
  const makes = me.role !== "viewer";
  /** @param {Action} wanted */
  const act = (wanted) => {
    if (wanted.kind === "toggle") void toggle(wanted.key, asked.again);
    else action.value = wanted;
  };
  const found = keys.filter((key) => holds(key, words.value)).sort(byAge);
  return html`<div class="admin-head">
      <p class="admin-intro">${t(me.open ? "keys.introOpen" : `keys.intro.${me.role}`)}</p>
      ${makes &&
      html`<button type="button" class="button button-primary" data-testid="key-new" onClick=${() => (action.value = { kind: "make" })}>
        <${Icon} name="plus" /> ${t("keys.new")}
      </button>`}
    </div>
    ${asked.problem !== null && html`<${Trouble} problem=${asked.problem} again=${asked.again} />`}
    ${asked.data === null && asked.problem === null && html`<${Waiting} />`}
    ${asked.data !== null &&
    html`<div class="admin-tools">
        <label class="search-box">
          <${Icon} name="search" />
          <input type="search" class="input" aria-label=${t("keys.search")} placeholder=${t("keys.search")}
            onInput=${(/** @type {any} */ event) => (words.value = event.currentTarget.value)} />
        </label>
        <label class="check">
          <input type="checkbox" checked=${revoked} onChange=${() => setQuery({ revoked: revoked ? null : "1" })} />
          ${t("keys.showRevoked")}
        </label>
        <span class="admin-count" role="status">${t("keys.count", { count: found.length })}</span>
      </div>
      ${found.length > 0
        ? html`<${KeyTable} keys=${found} me=${me} spent=${spent} act=${act} />`
        : keys.length > 0
          ? html`<${Nothing} icon="search" title=${t("keys.nothing")} text=${t("keys.nothingHint")} />`
          : html`<${Nothing} icon="key" title=${t("keys.none")} text=${t(makes ? "keys.noneHint" : "keys.noneViewer")} />`}`}
    <${KeyActions} action=${action} me=${me} changed=${asked.again} />`;
}

/**
 * @param {Key} key
 * @param {string} words
 */
function holds({ name, owner, team, prefix, id, role }, words) {
  const text = [name, owner, team, prefix, id, role].join(" ").toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/**
 * @param {Key} one
 * @param {Key} other
 */
function byAge(one, other) {
  return other.created_at - one.created_at || (one.name < other.name ? -1 : 1);
}

/**
 * @param {Key[]} keys
 * @returns {Spent}
 */
function useSpent(keys) {
  const windows = windowsOf(keys);
  const { data } = useLoaded(`${windows} ${keys.length}`, async (signal) => {
    const now = Date.now();
    const sums = windows.map(async (window) => {
      const since = beginningOf(window, now);
      const path = withQuery("/admin/v1/usage", { by: "key", since: since === null ? null : String(since) });
      const rows = /** @type {UsageRow[]} */ ((await ask(path, { signal })).data);
      return /** @type {const} */ ([window, new Map(rows.map((row) => [row.key ?? "", row.cost_micros]))]);
    });
    return /** @type {Spent} */ (new Map(await Promise.all(sums)));
  });
  return data ?? UNKNOWN;
}

/** @type {Spent} */
const UNKNOWN = new Map();
