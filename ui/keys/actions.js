// What can be done with keys: each in a dialog of its own, but switching one off and on, which is undone as easily.

import { html, useSignal, useSignalEffect } from "../vendor/core.js";
import { wordsOf } from "../admin/states.js";
import { t } from "../admin/texts.js";
import { identity } from "../session.js";
import { Dialog } from "../views/dialog.js";
import { Choice } from "../views/fields.js";
import { tell } from "../views/notices.js";
import { KeyForm } from "./form.js";
import { pathOf, send } from "./requests.js";
import { Secret } from "./secret.js";

/** @typedef {import("../admin/shapes.js").Key} Key */
/** @typedef {import("../admin/shapes.js").Me} Me */
/** @typedef {import("../vendor/core.js").ComponentChildren} ComponentChildren */
/** @typedef {Key & {secret: string}} FreshKey  As it is told once. */

/** @typedef {{kind: "make"} | {kind: "edit" | "toggle" | "rotate" | "revoke", key: Key}} Action */

/**
 * @typedef {object} ActionsProps
 * @property {import("../vendor/core.js").Signal<Action | null>} action
 * @property {Me} me
 * @property {() => Promise<void>} changed  The keys are others now.
 */

/** @param {ActionsProps} props */
export function KeyActions({ action, me, changed }) {
  const { value } = action;
  if (value === null || value.kind === "toggle") return null;
  const close = () => (action.value = null);
  if (value.kind === "make") return html`<${MakeDialog} me=${me} close=${close} changed=${changed} />`;
  const props = { entry: value.key, me, close, changed };
  if (value.kind === "edit") return html`<${EditDialog} ...${props} />`;
  return value.kind === "rotate" ? html`<${RotateDialog} ...${props} />` : html`<${RevokeDialog} ...${props} />`;
}

/**
 * @typedef {object} KeyProps
 * @property {Key} entry
 * @property {Me} me
 * @property {() => void} close
 * @property {() => Promise<void>} changed
 */

/**
 * Switch a key off, or on again.
 *
 * @param {Key} key
 * @param {() => Promise<void>} changed
 */
export async function toggle(key, changed) {
  const name = nameOf(key);
  try {
    await send("PATCH", pathOf(key), { disabled: !key.disabled });
    tell({ text: t(key.disabled ? "keys.enabled" : "keys.disabled", { name }) });
    await changed();
  } catch (error) {
    const { title, text } = wordsOf(error);
    tell({ text: `${title}: ${text}` });
  }
}

/** @param {Key} key */
function nameOf({ name, prefix, id }) {
  return name || prefix || id;
}

/** @param {{title: string, close: () => void, size?: "small" | "medium", testid: string, children: ComponentChildren}} props */
function ActionDialog({ close, ...rest }) {
  const open = useSignal(true);
  useSignalEffect(() => {
    if (!open.value) close();
  });
  return html`<${Dialog} open=${open} firm ...${rest} />`;
}

/** @param {{me: Me, close: () => void, changed: () => Promise<void>}} props */
function MakeDialog({ me, close, changed }) {
  const fresh = useSignal(/** @type {FreshKey | null} */ (null));
  /** @param {FreshKey} made */
  const done = async (made) => {
    fresh.value = made;
    await changed();
  };
  const title = t(fresh.value === null ? "keys.new" : "secret.title");
  return html`<${ActionDialog} title=${title} close=${close} testid="key-form-dialog">
    ${fresh.value === null
      ? html`<${KeyForm} me=${me} done=${done} cancel=${close} />`
      : html`<${Secret} fresh=${fresh.value} close=${close} />`}
  <//>`;
}

/** @param {KeyProps} props */
function EditDialog({ entry, me, close, changed }) {
  const done = async () => {
    close();
    tell({ text: t("keys.saved", { name: nameOf(entry) }) });
    await changed();
  };
  return html`<${ActionDialog} title=${t("keys.editOf", { name: nameOf(entry) })} close=${close} testid="key-form-dialog">
    <${KeyForm} me=${me} entry=${entry} done=${done} cancel=${close} />
  <//>`;
}

/** How long the old secret still counts, in seconds. */
const GRACES = /** @type {const} */ ([0, 3600, 86_400, 604_800]);

/** @param {KeyProps} props */
function RotateDialog({ entry, me, close, changed }) {
  const fresh = useSignal(/** @type {FreshKey | null} */ (null));
  const grace = useSignal("86400");
  const run = async () => {
    fresh.value = await send("POST", `${pathOf(entry)}/rotate`, { grace_s: Number(grace.value) });
    await changed();
  };
  const name = nameOf(entry);
  if (fresh.value !== null) {
    return html`<${ActionDialog} title=${t("secret.title")} close=${close} testid="key-rotate-dialog"><${Secret} fresh=${fresh.value} close=${close} /><//>`;
  }
  return html`<${ActionDialog} title=${t("keys.rotateOf", { name })} close=${close} testid="key-rotate-dialog">
    <p class="dialog-text">${t("rotate.text")}</p>
    <${Choice} label=${t("rotate.grace")} value=${grace.value}
      options=${GRACES.map((seconds) => ({ value: String(seconds), label: t(`grace.${seconds}`) }))}
      onChange=${(/** @type {string} */ chosen) => (grace.value = chosen)} />
    ${me.key?.id === entry.id && html`<p class="dialog-text">${t("rotate.own")}</p>`}
    <${Confirm} label=${t("rotate.confirm")} run=${run} cancel=${close} />
  <//>`;
}

/** @param {KeyProps} props */
function RevokeDialog({ entry, me, close, changed }) {
  const name = nameOf(entry);
  const own = me.key?.id === entry.id;
  const run = async () => {
    await send("POST", `${pathOf(entry)}/revoke`, {});
    close();
    tell({ text: t("keys.revoked", { name }) });
    if (own) identity.value += 1;
    else await changed();
  };
  return html`<${ActionDialog} title=${t("keys.revokeOf", { name })} close=${close} size="small" testid="key-revoke-dialog">
    <p class="dialog-text">${t("revoke.text")}</p>
    ${own && html`<p class="dialog-text"><strong>${t("revoke.own")}</strong></p>`}
    <${Confirm} label=${t("revoke.confirm")} danger run=${run} cancel=${close} />
  <//>`;
}

/** @param {{label: string, danger?: boolean, run: () => Promise<void>, cancel: () => void}} props */
function Confirm({ label, danger = false, run, cancel }) {
  const busy = useSignal(false);
  const problem = useSignal(/** @type {unknown} */ (null));
  const press = async () => {
    if (busy.value) return;
    busy.value = true;
    try {
      await run();
    } catch (error) {
      problem.value = error;
    }
    busy.value = false;
  };
  const look = danger ? "button button-danger-strong" : "button button-primary";
  return html`${problem.value !== null && html`<p class="field-problem" role="alert">${wordsOf(problem.value).text}</p>`}
    <div class="dialog-actions">
      <button type="button" class="button" autofocus=${danger} onClick=${cancel}>${t("form.cancel")}</button>
      <button type="button" class=${look} aria-disabled=${busy.value} data-testid="confirm" onClick=${press}>${label}</button>
    </div>`;
}
