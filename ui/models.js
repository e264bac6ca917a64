// The models that the gateway serves, as it lists them.

import { computed, signal } from "./vendor/core.js";
import { get, identity } from "./session.js";
import { settings } from "./settings.js";
import { t } from "./strings.js";

/** @typedef {import("./types.js").Model} Model */

/** @type {import("./vendor/core.js").Signal<Model[]>} */
export const models = signal([]);

/** Why the list could not be had when it was last asked for; empty where it could. */
export const modelsProblem = signal("");

/** Whether the gateway is being asked right now. */
export const modelsLoading = signal(false);

/** The model of a thread that names none. */
export const defaultModel = computed(() => {
  const wanted = settings.value.model;
  const listed = models.value;
  return listed.length === 0 || listed.some((model) => model.id === wanted) ? wanted : listed[0].id;
});

/** @type {{by: number, done: Promise<void>} | null} */
let question = null;

/** Ask the gateway for its models. Asked again by the same one while the answer is still out, it is one question. */
export function loadModels() {
  if (question?.by === identity.value) return question.done;
  const asked = { by: identity.value, done: load() };
  question = asked;
  modelsLoading.value = true;
  asked.done.then(() => {
    if (question !== asked) return;
    question = null;
    modelsLoading.value = false;
  });
  return asked.done;
}

/** Never rejects: what went wrong is in `modelsProblem`. */
async function load() {
  const asked = identity.value;
  const answer = await get("/v1/models").then(readAll).catch((error) => error);
  if (identity.value !== asked) return; // another key, other models: that question has its own answer
  if (Array.isArray(answer)) models.value = answer;
  modelsProblem.value = Array.isArray(answer) ? "" : String(answer?.message ?? answer);
}

/**
 * @param {any} listing
 * @returns {Model[]} Each name once: a name that is listed twice is served by whoever comes first.
 */
export function readAll(listing) {
  if (!Array.isArray(listing?.data)) throw new Error(t("models.unreadable"));
  const entries = listing.data.filter((/** @type {any} */ entry) => typeof entry?.id === "string" && entry.id !== "");
  /** @type {Map<string, Model>} */
  const byName = new Map();
  for (const entry of entries) if (!byName.has(entry.id)) byName.set(entry.id, read(entry));
  return [...byName.values()];
}

/**
 * Read an entry, whatever dialect the provider's list has (OpenRouter, vLLM, Groq, Mistral, Together and others add
 * keys of their own to OpenAI's four).
 *
 * @param {any} entry
 * @returns {Model}
 */
export function read(entry) {
  return {
    id: String(entry.id),
    owner: String(entry.owned_by ?? ""),
    context: context(entry),
    inputs: inputs(entry),
    abilities: abilities(entry),
    price: price(entry.pricing),
  };
}

/** @param {any} entry */
function context({ context_length, context_window, max_model_len, max_context_length, meta }) {
  const named = context_length ?? context_window ?? max_model_len ?? max_context_length ?? meta?.n_ctx_train;
  return typeof named === "number" && named > 0 ? named : null;
}

/** @param {any} entry */
function inputs(entry) {
  const named = entry.architecture?.input_modalities ?? entry.input_modalities ?? entry.modalities;
  if (Array.isArray(named)) return named.filter((name) => typeof name === "string");
  const sees = entry.capabilities?.vision ?? entry.supports_image_in ?? entry.supports_image_input;
  return sees === true ? ["text", "image"] : [];
}

/** @param {any} entry */
function abilities(entry) {
  const named = Array.isArray(entry.supported_parameters) ? entry.supported_parameters : [];
  const can = entry.capabilities ?? {};
  const calls = can.function_calling ?? can.tools ?? entry.supports_tools;
  const reasons = can.reasoning ?? entry.supports_reasoning;
  const found = [];
  if (named.includes("tools") || calls === true) found.push("tools");
  if (named.includes("reasoning") || reasons === true) found.push("reasoning");
  const schema = named.includes("structured_outputs") || named.includes("response_format");
  if (schema || can.json_schema === true) found.push("json");
  return found;
}

/** @param {any} pricing Dollars for a token, as OpenRouter lists them, or for a million, as Together does. */
function price(pricing) {
  if (pricing === null || typeof pricing !== "object") return null;
  const unit = pricing.prompt === undefined ? 1e-6 : 1;
  const inputUsd = Number.parseFloat(pricing.prompt ?? pricing.input) * unit;
  const outputUsd = Number.parseFloat(pricing.completion ?? pricing.output) * unit;
  const cachedUsd = Number.parseFloat(pricing.input_cache_read ?? pricing.cached_input) * unit;
  if (!(inputUsd >= 0 && outputUsd >= 0)) return null;
  return { inputUsd, outputUsd, ...(cachedUsd >= 0 ? { cachedUsd } : {}) };
}
