// What a page of the gateway's own is instead of its content: not there yet, empty, failed, not allowed. Each says what
// to do next.

import { html } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { loadMe, me } from "../me.js";
import { ask, keyWanted, Refusal } from "../session.js";
import { useLoaded } from "./asked.js";
import { t } from "./texts.js";

/** @typedef {import("../vendor/core.js").ComponentChildren} ComponentChildren */
/** @typedef {import("./shapes.js").Me} Me */

/**
 * The frame of a page: what is in it is shown to whom the gateway knows, where it keeps anything.
 *
 * @param {{name: string, children: (me: Me) => ComponentChildren}} props
 */
export function GatewayPage({ name, children }) {
  const { problem, again } = useLoaded(null, (signal) => loadMe(ask, signal));
  const known = me.value;
  return html`<div class="admin-page" data-testid=${`${name}-page`}>
    ${known !== null && known.store !== "none"
      ? children(known)
      : known !== null
        ? html`<${Nothing} icon="info" title=${t("state.noStore")} text=${t("state.noStoreHint")} />`
        : problem === null
          ? html`<${Waiting} />`
          : html`<${Trouble} problem=${problem} again=${again} />`}
  </div>`;
}

export function Waiting() {
  return html`<p class="admin-waiting" role="status"><span class="spinner" aria-hidden="true"></span> ${t("state.loading")}</p>`;
}

/**
 * @param {{icon: import("../icons.js").IconName, title: string, text: string, children?: ComponentChildren}} props
 */
export function Nothing({ icon, title, text, children }) {
  return html`<div class="admin-nothing">
    <${Icon} name=${icon} />
    <p class="callout-title">${title}</p>
    <p>${text}</p>
    ${children}
  </div>`;
}

/** @param {{problem: unknown, again: () => unknown}} props */
export function Trouble({ problem, again }) {
  const { title, text, key } = wordsOf(problem);
  return html`<div class="callout callout-danger" role="alert">
    <${Icon} name="alert" />
    <div class="callout-text"><p class="callout-title">${title}</p><p>${text}</p></div>
    ${key && html`<button type="button" class="button" onClick=${() => (keyWanted.value = true)}>${t("state.logIn")}</button>`}
    <button type="button" class="button" onClick=${() => again()}>${t("state.again")}</button>
  </div>`;
}

/**
 * Say what has gone wrong, and whether another key may help.
 *
 * @param {unknown} problem
 * @returns {{title: string, text: string, key: boolean}}
 */
export function wordsOf(problem) {
  if (!(problem instanceof Refusal)) {
    const detail = problem instanceof Error ? problem.message : String(problem);
    return { title: t("state.lost"), text: t("state.lostHint", { detail }), key: false };
  }
  const text = problem.message;
  if (problem.status === 401) return { title: t("state.key"), text: t("state.keyHint"), key: true };
  if (problem.status === 403) return { title: t("state.forbidden"), text: t("state.forbiddenHint", { text }), key: true };
  if (problem.status === 404) return { title: t("state.missing"), text, key: false };
  if (problem.status === 503) return { title: t("state.store"), text, key: false };
  return { title: t("state.failed"), text, key: false };
}
