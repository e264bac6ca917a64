// The form that a key is made and changed in.

import { html, useRef, useSignal } from "../vendor/core.js";
import { wordsOf } from "../admin/states.js";
import { t } from "../admin/texts.js";
import { logIn, Refusal } from "../session.js";
import { Choice, Field, Toggle } from "../views/fields.js";
import { bodyOf, changesIn, draftOf, fieldOf, newDraft, RATES, WINDOWS } from "./draft.js";
import { EndpointChoice } from "./endpoints.js";
import { pathOf, send } from "./requests.js";

/** @typedef {import("../admin/shapes.js").Key} Key */
/** @typedef {import("../admin/shapes.js").Me} Me */
/** @typedef {import("../admin/shapes.js").Role} Role */
/** @typedef {import("../views/fields.js").ControlProps} ControlProps */
/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./draft.js").FieldName} FieldName */
/** @typedef {Partial<Record<FieldName | "form", string>>} Said  What is wrong, in words. */

/**
 * @typedef {object} FormProps
 * @property {Me} me
 * @property {Key} [entry]  Without: a new one is made.
 * @property {(key: any) => Promise<void>} done
 * @property {() => void} cancel
 */

/** @param {FormProps} props */
export function KeyForm({ me, entry, done, cancel }) {
  const draft = useSignal(entry === undefined ? newDraft(me) : draftOf(entry));
  const said = useSignal(/** @type {Said} */ ({}));
  const busy = useSignal(false);
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  /** @param {Partial<Draft>} changed */
  const set = (changed) => {
    draft.value = { ...draft.value, ...changed };
  };
  /** @param {Said} wrong */
  const tellWrong = (wrong) => {
    said.value = wrong;
    requestAnimationFrame(() => {
      const first = form.current?.querySelector("[aria-invalid=true], [role=alert]");
      first?.scrollIntoView({ block: "center" });
      if (first instanceof HTMLInputElement || first instanceof HTMLTextAreaElement) first.focus({ preventScroll: true });
    });
  };
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    if (busy.value) return;
    const { body, problems } = bodyOf(draft.value);
    const wrong = Object.entries(problems).map(([name, kind]) => [name, t(`problem.${kind}`)]);
    if (wrong.length > 0) return tellWrong(Object.fromEntries(wrong));
    said.value = {};
    busy.value = true;
    try {
      await done(await saved(me, entry, body));
    } catch (error) {
      tellWrong(wordsFor(error, draft.value));
    }
    busy.value = false;
  };
  const parts = { draft: draft.value, said: said.value, set };
  return html`<form ref=${form} class="key-fields" novalidate onSubmit=${submit}>
    ${said.value.form && html`<div class="callout callout-danger" role="alert"><p>${said.value.form}</p></div>`}
    <${Who} ...${parts} me=${me} />
    <${What} ...${parts} />
    <${HowMuch} ...${parts} />
    <${HowLong} ...${parts} me=${me} entry=${entry} />
    <div class="dialog-actions">
      <button type="button" class="button" onClick=${cancel}>${t("form.cancel")}</button>
      <button type="submit" class="button button-primary" data-testid="key-save" aria-disabled=${busy.value}>
        ${t(entry === undefined ? "form.make" : "form.save")}
      </button>
    </div>
  </form>`;
}

/**
 * @param {Me} me
 * @param {Key | undefined} entry
 * @param {Record<string, unknown>} body
 */
async function saved(me, entry, body) {
  if (entry !== undefined) return send("PATCH", pathOf(entry), changesIn(body, bodyOf(draftOf(entry)).body));
  const made = await send("POST", "/admin/v1/keys", body);
  // From its first key on a gateway wants one: whoever has made that goes on with it.
  if (me.open) await logInSoon(made.secret);
  return made;
}

const TRIES = 6;
const PAUSE_MS = 500;

/**
 * Log in with a new key. The gateway's workers learn of it within a second; until then they need none, and know none.
 *
 * @param {string} secret
 */
async function logInSoon(secret) {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    // Whatever goes wrong, the key is made: what comes next asks for it by itself.
    if (await logIn(secret).catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/**
 * @param {unknown} error
 * @param {Draft} draft
 * @returns {Said}
 */
function wordsFor(error, draft) {
  const field = error instanceof Refusal && error.status !== 401 ? fieldOf(error.param, draft) : null;
  const { title, text } = wordsOf(error);
  return field === null ? { form: `${title}. ${text}` } : { [field]: text };
}

/** @typedef {{draft: Draft, said: Said, set: (changed: Partial<Draft>) => void}} PartProps */

const ROLES = /** @type {const} */ (["admin", "member", "viewer"]);

/** @param {PartProps & {me: Me}} props  A member makes members of its own team. */
function Who({ draft, said, set, me }) {
  return html`<${TextField} name="name" ...${{ draft, said, set }} autofocus />
    ${me.role === "admin" &&
    html`<${Choice} label=${t("field.role")} value=${draft.role} options=${ROLES.map((role) => ({ value: role, label: t(`role.${role}`) }))}
        onChange=${(/** @type {Role} */ role) => set({ role })} />
      <p class="field-hint">${t(me.open ? "field.firstRole" : `role.${draft.role}.hint`)}</p>`}
    ${said.role && html`<p class="field-problem" role="alert">${said.role}</p>`}
    <div class="field-row">
      <${TextField} name="owner" ...${{ draft, said, set }} />
      <${TextField} name="team" ...${{ draft, said, set }} readonly=${me.role === "member"} />
    </div>`;
}

/** @param {PartProps} props */
function What({ draft, said, set }) {
  return html`<${Field} label=${t("field.models")} hint=${t("field.modelsHint")} problem=${said.models}>
      ${(/** @type {ControlProps} */ control) =>
        html`<textarea ...${control} class="input input-code" rows="2" spellcheck=${false} placeholder=${t("keys.allModels")} value=${draft.models}
          onInput=${(/** @type {any} */ event) => set({ models: event.currentTarget.value })}></textarea>`}
    <//>
    <${EndpointChoice} chosen=${draft.endpoints} problem=${said.endpoints} choose=${(/** @type {string[]} */ endpoints) => set({ endpoints })} />`;
}

/** @param {PartProps} props */
function HowMuch({ draft, said, set }) {
  return html`<fieldset class="field-group">
      <legend>${t("field.rates")}</legend>
      <p class="field-hint">${t("field.ratesHint")}</p>
      <div class="field-row">
        ${RATES.map((name) => html`<${TextField} key=${name} name=${name} ...${{ draft, said, set }} inputmode="numeric" placeholder=${t("field.noLimit")} />`)}
      </div>
    </fieldset>
    <fieldset class="field-group">
      <legend>${t("field.budgets")}</legend>
      <p class="field-hint">${t("field.budgetsHint")}</p>
      <div class="field-row field-row-narrow">
        ${WINDOWS.map((name) => html`<${TextField} key=${name} name=${name} ...${{ draft, said, set }} inputmode="decimal" placeholder=${t("field.noLimit")} unit="$" />`)}
      </div>
    </fieldset>`;
}

/** @param {PartProps & {me: Me, entry?: Key}} props */
function HowLong({ draft, said, set, me, entry }) {
  // What may not be given is not offered: bodies by whose own are not kept, a key switched on again by who is no admin.
  const keeps = me.role === "admin" || me.key?.keeps_bodies === true;
  const switches = me.role === "admin" || entry?.disabled !== true;
  return html`<${TextField} name="expires" ...${{ draft, said, set }} type="datetime-local" />
    ${keeps && html`<${Toggle} label=${t("field.keepsBodies")} hint=${t("field.keepsBodiesHint")} checked=${draft.keepsBodies}
      onChange=${(/** @type {boolean} */ keepsBodies) => set({ keepsBodies })} testid="key-keeps" />`}
    ${said.keepsBodies && html`<p class="field-problem" role="alert">${said.keepsBodies}</p>`}
    ${switches && html`<${Toggle} label=${t("field.disabled")} hint=${t("field.disabledHint")} checked=${draft.disabled}
      onChange=${(/** @type {boolean} */ disabled) => set({ disabled })} testid="key-disabled" />`}
    ${said.disabled && html`<p class="field-problem" role="alert">${said.disabled}</p>`}`;
}

/** @typedef {"name" | "owner" | "team" | "rpm" | "tpm" | "concurrency" | "day" | "week" | "month" | "total" | "expires"} TextName */

/** Those that say more than their name. */
const HINTS = /** @type {const} */ ({ name: "field.nameHint", expires: "field.expiresHint" });

/**
 * @typedef {PartProps & {name: TextName, type?: string, inputmode?: string, placeholder?: string, unit?: string,
 *   autofocus?: boolean, readonly?: boolean}} TextFieldProps
 */

/** @param {TextFieldProps} props */
function TextField({ name, draft, said, set, unit, type = "text", ...rest }) {
  const hint = name in HINTS ? t(HINTS[/** @type {keyof typeof HINTS} */ (name)]) : "";
  return html`<${Field} label=${t(`field.${name}`)} hint=${hint} problem=${said[name]}>
    ${(/** @type {ControlProps} */ control) =>
      html`<span class=${unit ? "with-unit" : undefined}>
        ${unit && html`<span class="unit" aria-hidden="true">${unit}</span>`}
        <input ...${control} ...${rest} type=${type} class="input" dir="auto" autocomplete="off" value=${draft[name]} data-testid=${`key-${name}`}
          onInput=${(/** @type {any} */ event) => set({ [name]: event.currentTarget.value })} />
      </span>`}
  <//>`;
}
