// The page of the models: which providers are on, and what every model is.

import { html, useSignal, useSignalEffect } from "../vendor/core.js";
import { loadModels, models, modelsLoading, modelsProblem } from "../models.js";
import { get, identity } from "../session.js";
import { t } from "../strings.js";
import { ModelTable } from "./model_table.js";
import { ProviderList } from "./provider_list.js";

/** @typedef {import("./provider_list.js").Provider} Provider */

export function ModelsPage() {
  const providers = useProviders();
  const reason = providers.problem.value;
  return html`<div class="models-page" data-testid="models-page">
    <p class="models-intro">${t("models.intro", { address: `${location.origin}/v1` })}</p>
    <section aria-labelledby="providers-title">
      <h2 id="providers-title">${t("models.providers")}</h2>
      ${reason === ""
        ? html`<${ProviderList} providers=${providers.list.value} />`
        : html`<${Trouble} text=${t("models.providersProblem", { reason })} retry=${providers.load} />`}
    </section>
    <section aria-labelledby="models-title">
      <h2 id="models-title">${t("models.models")}</h2>
      <${Models} />
    </section>
  </div>`;
}

function Models() {
  const none = models.value.length === 0;
  const reason = modelsProblem.value;
  return html`${reason !== "" && html`<${Trouble} text=${t("picker.problem", { reason })} retry=${loadModels} />`}
    ${!none && html`<${ModelTable} />`}
    ${none && reason === "" && html`<${Empty} />`}`;
}

function Empty() {
  if (modelsLoading.value) return html`<p class="models-quiet" role="status">${t("picker.loading")}</p>`;
  return html`<div class="models-empty">
    <p class="callout-title">${t("models.none")}</p>
    <p>${t("models.noneHint")}</p>
  </div>`;
}

/** @param {{text: string, retry: () => void}} props */
function Trouble({ text, retry }) {
  return html`<div class="callout callout-danger" role="alert">
    <p>${text}</p>
    <button type="button" class="button" onClick=${() => retry()}>${t("picker.retry")}</button>
  </div>`;
}

/** The providers as the gateway tells them, asked for when the page opens and when somebody logs in. */
function useProviders() {
  const list = useSignal(/** @type {Provider[] | null} */ (null));
  const problem = useSignal("");
  /** @param {AbortSignal} [signal] */
  const load = async (signal) => {
    try {
      list.value = (await get("/v1/providers", signal)).data;
      problem.value = "";
    } catch (error) {
      if (!signal?.aborted) problem.value = error instanceof Error ? error.message : String(error);
    }
  };
  useSignalEffect(() => {
    void identity.value;
    const left = new AbortController();
    load(left.signal);
    void loadModels();
    return () => left.abort();
  });
  return { list, problem, load: () => load() };
}
