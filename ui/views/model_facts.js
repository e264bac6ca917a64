// What is known of a model, in words: context, price, what it reads and what it can do.

import { html } from "../vendor/core.js";
import { language, t } from "../strings.js";

/** @typedef {import("../types.js").Model} Model */
/** @typedef {import("../strings.js").StringKey} StringKey */

const whole = new Intl.NumberFormat(language);
const short = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const dollars = new Intl.NumberFormat(language, { style: "currency", currency: "USD" });
const cents = new Intl.NumberFormat(language, { style: "currency", currency: "USD", maximumSignificantDigits: 2 });

/**
 * A context as people say it: 128k for 131,072 as much as for 128,000.
 *
 * @param {number | null} tokens
 * @returns {string} A dash where it is not known.
 */
export function contextText(tokens) {
  if (tokens === null) return "—";
  if (tokens < 1000) return whole.format(tokens);
  const kilo = tokens % 1000 !== 0 && tokens % 1024 === 0 ? 1024 : 1000;
  if (tokens < kilo * kilo) return `${whole.format(Math.round(tokens / kilo))}k`;
  return `${short.format(tokens / (kilo * kilo))}M`;
}

/**
 * @param {number | undefined} usd For one token.
 * @returns {string} For a million; a dash where it is not known.
 */
export function priceText(usd) {
  if (usd === undefined) return "—";
  const million = Math.round(usd * 1e12) / 1e6;
  return (million > 0 && million < 0.1 ? cents : dollars).format(million);
}

/** @param {{model: Model}} props The price of a million tokens in and out, in short. */
export function PricePair({ model }) {
  if (model.price === null) return null;
  const { inputUsd, outputUsd } = model.price;
  if (inputUsd === 0 && outputUsd === 0) return html`<span>${t("picker.free")}</span>`;
  const both = { input: priceText(inputUsd), output: priceText(outputUsd) };
  return html`<span title=${t("picker.price", both)}>
    <span aria-hidden="true">${both.input} / ${both.output}</span>
    <span class="visually-hidden">${t("picker.price", both)}</span>
  </span>`;
}

/** @type {{name: string, label: StringKey}[]} */
const BADGES = [
  { name: "image", label: "picker.image" },
  { name: "audio", label: "picker.audio" },
  { name: "video", label: "picker.video" },
  { name: "file", label: "picker.file" },
  { name: "tools", label: "picker.tools" },
  { name: "reasoning", label: "picker.reasoning" },
  { name: "json", label: "picker.json" },
];

/**
 * @param {{model: Model, only?: readonly string[]}} props
 */
export function Badges({ model, only }) {
  const known = [...model.inputs, ...model.abilities];
  const shown = BADGES.filter(({ name }) => known.includes(name) && (only === undefined || only.includes(name)));
  return shown.map(({ name, label }) => html`<span class="ability" key=${name}>${t(label)}</span>`);
}

/** @param {string} name What a model takes in. */
export function modalityText(name) {
  const known = BADGES.find((badge) => badge.name === name);
  return name === "text" ? t("picker.text") : known === undefined ? name : t(known.label);
}
