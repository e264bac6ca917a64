// The rows of the list of models: one that the gateway lists, and a name as somebody typed it.

import { html } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { change, settings } from "../settings.js";
import { t } from "../strings.js";
import { Badges, contextText, PricePair } from "./model_facts.js";

/** @typedef {import("../types.js").Model} Model */

const IN_ROWS = Object.freeze(["image", "audio", "tools", "reasoning"]);

/** @param {string} model Made a favourite, or none any more. */
export function star(model) {
  const { favourites } = settings.value;
  const without = favourites.filter((name) => name !== model);
  change({ favourites: without.length < favourites.length ? without : [...favourites, model] });
}

/**
 * @typedef {object} Place
 * @property {string} id
 * @property {boolean} active
 * @property {boolean} chosen
 * @property {(model: string) => void} onChoose
 */

/** @param {Place & {model: Model}} props */
export function ModelRow({ model, id, active, chosen, onChoose }) {
  const favourite = settings.value.favourites.includes(model.id);
  // The star is for pointers only: an option may hold no button. Keys and screen readers have the one under the list.
  /** @param {Event} event */
  const starred = (event) => {
    event.stopPropagation();
    star(model.id);
  };
  return html`<div
    role="option"
    id=${id}
    class=${active ? "picker-row picker-row-active" : "picker-row"}
    aria-selected=${chosen}
    onMouseDown=${keepFocus}
    onClick=${() => onChoose(model.id)}
  >
    <span class="picker-check">${chosen && html`<${Icon} name="check" />`}</span>
    <span class="picker-text">
      <span class="picker-name" dir="auto" title=${model.id}>${model.id}</span>
      <span class="picker-facts">
        ${model.owner !== "" && html`<span>${model.owner === "llms" ? t("picker.alias") : model.owner}</span>`}
        ${model.context !== null &&
        html`<span title=${t("tokens", { count: model.context })}>${contextText(model.context)}</span>`}
        <${PricePair} model=${model} />
        <${Badges} model=${model} only=${IN_ROWS} />
      </span>
    </span>
    ${favourite && html`<span class="visually-hidden">${t("picker.isFavourite")}</span>`}
    <span
      class=${favourite ? "picker-star picker-star-on" : "picker-star"}
      aria-hidden="true"
      title=${t(favourite ? "picker.unstar" : "picker.star")}
      onClick=${starred}
      ><${Icon} name="star"
    /></span>
  </div>`;
}

/** @param {Place & {name: string}} props */
export function TypedRow({ name, id, active, chosen, onChoose }) {
  return html`<div
    role="option"
    id=${id}
    class=${active ? "picker-row picker-row-active" : "picker-row"}
    aria-selected=${chosen}
    onMouseDown=${keepFocus}
    onClick=${() => onChoose(name)}
  >
    <span class="picker-check"><${Icon} name="plus" /></span>
    <span class="picker-text">
      <span class="picker-name" dir="auto">${t("picker.use", { model: name })}</span>
      <span class="picker-facts"><span>${t("picker.unlisted")}</span></span>
    </span>
  </div>`;
}

/** @param {Event} event The focus stays in the search box. */
function keepFocus(event) {
  event.preventDefault();
}
