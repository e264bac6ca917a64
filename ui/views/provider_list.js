// The providers: those that are on as cards, the others in a list that says what turns them on.

import { html } from "../vendor/core.js";
import { t } from "../strings.js";

/**
 * As `GET /v1/providers` lists it.
 *
 * @typedef {object} Provider
 * @property {string} id
 * @property {boolean} on
 * @property {string} reason  Why it is on, or what is missing.
 * @property {number | null} models  How many; null where they could not be asked for.
 */

/** @param {{providers: Provider[] | null}} props */
export function ProviderList({ providers }) {
  if (providers === null) return html`<p class="models-quiet" role="status">${t("models.providersLoading")}</p>`;
  const on = providers.filter((provider) => provider.on);
  const off = providers.filter((provider) => !provider.on);
  return html`${on.length === 0 && html`<p class="models-quiet">${t("models.allOff")}</p>`}
    <ul class="providers">
      ${on.map((provider) => html`<${ProviderOn} key=${provider.id} provider=${provider} />`)}
    </ul>
    ${off.length > 0 && html`<${ProvidersOff} providers=${off} open=${on.length === 0} />`}`;
}

/** @param {{provider: Provider}} props */
function ProviderOn({ provider: { id, reason, models } }) {
  return html`<li class="provider">
    <span class="dot dot-on" aria-hidden="true"></span>
    <span class="provider-text">
      <span class="provider-name">${id}</span>
      <span class="provider-facts">
        ${models === null ? t("models.unknownCount") : t("models.count", { count: models })}${reason && ` · ${reason}`}
      </span>
    </span>
    <span class="ability ability-on">${t("models.on")}</span>
  </li>`;
}

/** @param {{providers: Provider[], open: boolean}} props */
function ProvidersOff({ providers, open }) {
  return html`<details class="providers-off" open=${open}>
    <summary>${t("models.off", { count: providers.length })}</summary>
    <p class="models-quiet">${t("models.offHint")}</p>
    <ul>
      ${providers.map(
        ({ id, reason }) => html`<li key=${id}>
          <span class="dot" aria-hidden="true"></span>
          <span class="provider-name">${id}</span>
          <span class="provider-facts">${withCode(reason)}</span>
        </li>`,
      )}
    </ul>
  </details>`;
}

/** @param {string} reason Names of variables stand out: they are what has to be typed. */
function withCode(reason) {
  const parts = reason.split(/\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b/);
  return parts.map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part));
}
