// A key as it stands in its form, all of it text as a person types it, and as the gateway takes it.

import { microsOf, plainDollars } from "../admin/money.js";

/** @typedef {import("../admin/shapes.js").Key} Key */
/** @typedef {import("../admin/shapes.js").Limits} Limits */
/** @typedef {import("../admin/shapes.js").Me} Me */
/** @typedef {import("../admin/shapes.js").Role} Role */
/** @typedef {import("../admin/shapes.js").Window} Window */

export const WINDOWS = /** @type {const} */ (["day", "week", "month", "total"]);
export const RATES = /** @type {const} */ (["rpm", "tpm", "concurrency"]);

/**
 * @typedef {object} Draft
 * @property {string} name
 * @property {Role} role
 * @property {string} owner
 * @property {string} team
 * @property {string} models  One a line.
 * @property {string[]} endpoints
 * @property {string} rpm
 * @property {string} tpm
 * @property {string} concurrency
 * @property {string} day  Dollars, as in the other windows.
 * @property {string} week
 * @property {string} month
 * @property {string} total
 * @property {string} expires  As `<input type="datetime-local">` has it, in the time of the browser; empty: never.
 * @property {boolean} disabled
 * @property {boolean} keepsBodies
 */

/** @typedef {keyof Draft} FieldName */
/** @typedef {Partial<Record<FieldName, "whole" | "dollars" | "time">>} Problems  What is wrong with which field. */

/**
 * @param {Me} me  Whoever makes it; a new key begins with what that one may give.
 * @returns {Draft}
 */
export function newDraft({ key, role, open }) {
  const mine = role === "member" && key !== null ? key : null;
  return {
    name: "",
    // The first key of a gateway has to be somebody's who can make others.
    role: open ? "admin" : "member",
    owner: mine?.owner ?? "",
    team: mine?.team ?? "",
    models: mine?.models.join("\n") ?? "",
    endpoints: mine?.endpoints ?? [],
    ...limitsDraft(mine?.limits),
    expires: mine ? localTime(mine.expires_at) : "",
    disabled: false,
    keepsBodies: mine?.keeps_bodies ?? false,
  };
}

/**
 * @param {Key} key
 * @returns {Draft}
 */
export function draftOf(key) {
  return {
    name: key.name,
    role: key.role,
    owner: key.owner,
    team: key.team,
    models: key.models.join("\n"),
    endpoints: key.endpoints,
    ...limitsDraft(key.limits),
    expires: localTime(key.expires_at),
    disabled: key.disabled,
    keepsBodies: key.keeps_bodies,
  };
}

/** @param {Limits | undefined} limits */
function limitsDraft(limits) {
  const number = (/** @type {number | null | undefined} */ value) => (value == null ? "" : String(value));
  const money = (/** @type {Window} */ window) => {
    const micros = limits?.budgets_micros[window];
    return micros == null ? "" : plainDollars(micros);
  };
  return {
    rpm: number(limits?.rpm),
    tpm: number(limits?.tpm),
    concurrency: number(limits?.concurrency),
    day: money("day"),
    week: money("week"),
    month: money("month"),
    total: money("total"),
  };
}

/**
 * @param {Draft} draft
 * @returns {{body: Record<string, unknown>, problems: Problems}} What the gateway takes, where nothing is wrong.
 */
export function bodyOf(draft) {
  /** @type {Problems} */
  const problems = {};
  const rates = Object.fromEntries(RATES.map((name) => [name, wholeNumber(draft[name])]));
  const budgets = Object.fromEntries(WINDOWS.map((name) => [name, draft[name].trim() === "" ? null : microsOf(draft[name])]));
  const expiresAt = draft.expires === "" ? null : Math.floor(new Date(draft.expires).getTime() / 1000);
  for (const name of RATES) if (rates[name] === undefined) problems[name] = "whole";
  for (const name of WINDOWS) if (budgets[name] === null && draft[name].trim() !== "") problems[name] = "dollars";
  if (Number.isNaN(expiresAt)) problems.expires = "time";
  const body = {
    name: draft.name.trim(),
    role: draft.role,
    owner: draft.owner.trim(),
    team: draft.team.trim(),
    models: namesIn(draft.models),
    endpoints: draft.endpoints,
    limits: { ...rates, budgets_micros: budgets },
    expires_at: expiresAt,
    disabled: draft.disabled,
    keeps_bodies: draft.keepsBodies,
  };
  return { body, problems };
}

/**
 * @param {Record<string, unknown>} body
 * @param {Record<string, unknown>} before
 * @returns {Record<string, unknown>} The fields that are others: what somebody else has changed meanwhile stays.
 */
export function changesIn(body, before) {
  return Object.fromEntries(
    Object.entries(body).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])),
  );
}

/** @type {Record<string, FieldName>} */
const FIELDS = { expires_at: "expires", keeps_bodies: "keepsBodies" };

/**
 * @param {string} param  The field that the gateway finds wrong, as `limits.budgets_micros.day` or `models[0]`; `limits` alone is
 *   any of them.
 * @param {Draft} draft
 * @returns {FieldName | null} The form's; null where it has none.
 */
export function fieldOf(param, draft) {
  const [first, ...rest] = param.split(/[.[\]]+/).filter(Boolean);
  const name = first === "limits" ? (rest.at(-1) ?? "") : (FIELDS[first] ?? first);
  return Object.hasOwn(draft, name) ? /** @type {FieldName} */ (name) : null;
}

/** @param {string} text  Names, one a line; commas between them are taken, too. */
export function namesIn(text) {
  return [...new Set(text.split(/[\n,]/).map((name) => name.trim()).filter(Boolean))];
}

/**
 * @param {string} text
 * @returns {number | null | undefined} Null: none is given; `undefined`: it is no whole number.
 */
function wholeNumber(text) {
  const written = text.trim();
  if (written === "") return null;
  return /^\d{1,13}$/.test(written) ? Number(written) : undefined;
}

/**
 * @param {number | null} seconds
 * @returns {string} As `<input type="datetime-local">` has it.
 */
export function localTime(seconds) {
  if (seconds === null) return "";
  const at = new Date(seconds * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
