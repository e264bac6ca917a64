// The table of keys. On a phone its rows are cards.

import { html } from "../vendor/core.js";
import { dollarsOf } from "../admin/money.js";
import { t } from "../admin/texts.js";
import { day, fullTime, shortNumber } from "../admin/written.js";
import { Icon } from "../icons.js";
import { go, LOGS, USAGE } from "../router.js";
import { Menu } from "../views/menu.js";
import { RATES } from "./draft.js";
import { budgetsOf, standingOf } from "./standing.js";

/** @typedef {import("../admin/shapes.js").Key} Key */
/** @typedef {import("../admin/shapes.js").Me} Me */
/** @typedef {import("./actions.js").Action} Action */
/** @typedef {import("./standing.js").Budget} Budget */
/** @typedef {import("./standing.js").Spent} Spent */

const COLUMNS = /** @type {const} */ (["name", "state", "role", "owner", "models", "limits", "budgets"]);
const SOON_S = 7 * 86_400;

/** @param {{keys: Key[], me: Me, spent: Spent, act: (action: Action) => void}} props */
export function KeyTable({ keys, me, spent, act }) {
  return html`<table class="admin-table keys-table">
    <caption class="visually-hidden">${t("page.keys")}</caption>
    <thead>
      <tr>
        ${COLUMNS.map((name) => html`<th scope="col" key=${name}>${t(`keys.${name}`)}</th>`)}
        <th scope="col"><span class="visually-hidden">${t("keys.actions")}</span></th>
      </tr>
    </thead>
    <tbody>
      ${keys.map((key) => html`<${Row} key=${key.id} entry=${key} mine=${me.key?.id === key.id} admin=${me.role === "admin"} spent=${spent} act=${act} />`)}
    </tbody>
  </table>`;
}

/** @param {{entry: Key, mine: boolean, admin: boolean, spent: Spent, act: (action: Action) => void}} props */
function Row({ entry, mine, admin, spent, act }) {
  const standing = standingOf(entry, Date.now());
  const budgets = budgetsOf(entry, spent);
  return html`<tr data-standing=${standing}>
    <th scope="row" class="key-cell">
      <span class="cell-main" dir="auto" title=${entry.name}>${entry.name || t("keys.unnamed")}</span>
      <span class="cell-sub"><code>${entry.prefix ? `${entry.prefix}…` : entry.id}</code>${mine && html` <span class="badge">${t("keys.mine")}</span>`}</span>
    </th>
    <td class="state-cell" data-label=${t("keys.state")}><span class=${`badge badge-${standing}`}>${t(`standing.${standing}`)}</span><${Expiry} at=${entry.expires_at} /></td>
    <td data-label=${t("keys.role")}>${t(`role.${entry.role}`)}</td>
    <td data-label=${t("keys.owner")}><${Owner} entry=${entry} /></td>
    <td data-label=${t("keys.models")}><${Models} models=${entry.models} /></td>
    <td class="limits-cell" data-label=${t("keys.limits")}><${Limits} entry=${entry} /></td>
    <td data-label=${t("keys.budgets")} class="budget-cell">
      ${budgets.length === 0 ? html`<span class="cell-none">${t("keys.noBudget")}</span>` : budgets.map((each) => html`<${Meter} key=${each.window} ...${each} />`)}
    </td>
    <td class="menu-cell"><${RowMenu} entry=${entry} standing=${standing} admin=${admin} act=${act} /></td>
  </tr>`;
}

/** @param {{entry: Key}} props */
function Owner({ entry: { owner, team } }) {
  if (owner === "" && team === "") return html`<span class="cell-none">–</span>`;
  return html`<span class="cell-main" dir="auto">${owner || "–"}</span>${team && html`<span class="cell-sub" dir="auto">${t("keys.ofTeam", { team })}</span>`}`;
}

/** @param {{models: string[]}} props */
function Models({ models }) {
  if (models.length === 0) return html`<span class="cell-none">${t("keys.allModels")}</span>`;
  const [first, ...others] = models;
  return html`<span class="cell-main" title=${models.join("\n")} dir="auto">${first}</span>
    ${others.length > 0 && html`<span class="cell-sub">${t("keys.moreModels", { count: others.length })}</span>`}`;
}

/** @param {{entry: Key}} props */
function Limits({ entry: { limits } }) {
  const given = RATES.filter((name) => limits[name] !== null);
  if (given.length === 0) return html`<span class="cell-none">${t("keys.noLimits")}</span>`;
  return given.map((name) => html`<span class="cell-line" key=${name}>${t(`rate.${name}`, { count: shortNumber(limits[name] ?? 0) })}</span>`);
}

/** @param {Budget} props */
function Meter({ window, most, spent }) {
  const full = spent !== null && spent >= most;
  const label = t(`window.${window}`);
  return html`<div class="budget">
    <span>${spent === null ? t("budget.most", { most: dollarsOf(most) }) : t("budget.spent", { spent: dollarsOf(spent), most: dollarsOf(most) })} <span class="cell-sub-inline">${label}</span></span>
    <meter min="0" max=${Math.max(most, 1)} high=${Math.max(most, 1) * 0.8} optimum="0" value=${Math.min(spent ?? 0, Math.max(most, 1))}
      data-full=${full} aria-label=${label}></meter>
  </div>`;
}

/** @param {{at: number | null}} props */
function Expiry({ at }) {
  if (at === null) return null;
  const left = at - Date.now() / 1000;
  const look = left > 0 && left < SOON_S ? "cell-sub cell-warning" : "cell-sub";
  return html`<span class=${look} title=${fullTime(at * 1000)}>${t(left > 0 ? "keys.until" : "keys.since", { day: day(at * 1000) })}</span>`;
}

/** @param {{entry: Key, standing: string, admin: boolean, act: (action: Action) => void}} props */
function RowMenu({ entry, standing, admin, act }) {
  const name = entry.name || entry.prefix || entry.id;
  const about = `?key_id=${encodeURIComponent(entry.id)}`;
  const views = [
    { label: t("keys.usage"), icon: html`<${Icon} name="chart" />`, run: () => go(USAGE + about) },
    { label: t("keys.log"), icon: html`<${Icon} name="list" />`, run: () => go(LOGS + about) },
  ];
  const changes =
    entry.changeable && standing !== "revoked"
      ? [
          { label: t("keys.edit"), icon: html`<${Icon} name="edit" />`, run: () => act({ kind: "edit", key: entry }), testid: "key-edit" },
          // Only an admin switches a key on again.
          ...(entry.disabled && !admin ? [] : [{
            label: t(entry.disabled ? "keys.enable" : "keys.disable"),
            icon: html`<${Icon} name=${entry.disabled ? "check" : "pause"} />`,
            run: () => act({ kind: "toggle", key: entry }),
            testid: "key-toggle",
          }]),
          { label: t("keys.rotate"), icon: html`<${Icon} name="retry" />`, run: () => act({ kind: "rotate", key: entry }), testid: "key-rotate" },
          { label: t("keys.revoke"), icon: html`<${Icon} name="trash" />`, run: () => act({ kind: "revoke", key: entry }), danger: true, testid: "key-revoke" },
        ]
      : [];
  return html`<${Menu} label=${t("keys.actionsOf", { name })} items=${[...views, ...changes]} testid="key-menu" />`;
}
