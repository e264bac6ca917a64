// A search box over a list of models: a combobox, whose focus stays in the box while the arrows walk the list.

import { html, useEffect, useId, useLayoutEffect, useSignal } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { loadModels, models, modelsLoading, modelsProblem } from "../models.js";
import { settings } from "../settings.js";
import { t } from "../strings.js";
import { touch } from "./context.js";
import { ModelRow, star, TypedRow } from "./model_row.js";
import { firstOf, groupModels } from "./model_search.js";

/** @typedef {import("./model_search.js").ModelGroup} ModelGroup */

// So many rows are made at first, and so many more each time the end of them comes near: a gateway may list thousands.
const PAGE = 80;

/**
 * @typedef {object} ModelListProps
 * @property {string} value
 * @property {(model: string) => void} onChoose
 * @property {() => void} onLeave  The focus went elsewhere.
 */

/** @param {ModelListProps} props */
export function ModelList({ value, onChoose, onLeave }) {
  const list = useList(value);
  const id = useId();
  useEffect(() => void loadModels(), []);
  useLayoutEffect(() => {
    document.getElementById(optionId(id, list.at))?.scrollIntoView({ block: "nearest" });
  }, [list.active, list.query.value]);
  /** @param {FocusEvent & {currentTarget: HTMLElement}} event */
  const left = (event) => {
    if (event.relatedTarget instanceof Node && !event.currentTarget.contains(event.relatedTarget)) onLeave();
  };
  return html`<div class="picker-frame" onFocusOut=${left}>
    <div class="picker-search">
      <${Icon} name="search" />
      <input
        type="text"
        role="combobox"
        autofocus=${!touch()}
        autocomplete="off"
        autocapitalize="off"
        spellcheck=${false}
        enterkeyhint="done"
        placeholder=${t("picker.search")}
        aria-label=${t("picker.search")}
        aria-expanded="true"
        aria-autocomplete="list"
        aria-controls=${`${id}-list`}
        aria-activedescendant=${list.names.length > 0 ? optionId(id, list.at) : undefined}
        data-testid="model-search"
        onInput=${(/** @type {any} */ event) => list.look(event.currentTarget.value)}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => pressed(event, list, onChoose)}
      />
    </div>
    <${Problem} />
    <div
      class="picker-list"
      role="listbox"
      id=${`${id}-list`}
      aria-label=${t("picker.title")}
      onScroll=${list.scrolled}
    >
      <${Groups} list=${list} id=${id} value=${value} onChoose=${onChoose} />
    </div>
    <${Footer} list=${list} />
  </div>`;
}

/** @typedef {ReturnType<typeof useList>} List */

/**
 * What is looked for, what is found, and where in it one is.
 *
 * @param {string} value
 */
function useList(value) {
  const query = useSignal("");
  const walked = useSignal(value);
  const limit = useSignal(PAGE);
  const { favourites } = settings.value;
  const groups = groupModels(models.value, query.value, favourites);
  const names = groups.flatMap((group) => group.models.map((model) => model.id));
  const typed = query.value.trim();
  const unlisted = typed !== "" && !models.value.some((model) => model.id === typed);
  if (unlisted) names.push(typed);
  const at = Math.max(0, names.indexOf(walked.value));
  return {
    query,
    names,
    typed,
    unlisted,
    at,
    active: names[at] ?? "",
    shown: firstOf(groups, Math.max(limit.value, at + 1)),
    /** @param {string} text */
    look(text) {
      query.value = text;
      walked.value = "";
      limit.value = PAGE;
    },
    /** @param {number} index */
    walk(index) {
      walked.value = names[(index + names.length) % names.length] ?? "";
    },
    /** @param {Event & {currentTarget: HTMLElement}} event */
    scrolled({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) {
      if (scrollTop + 2 * clientHeight > scrollHeight && limit.value < names.length) limit.value += PAGE;
    },
  };
}

/**
 * @param {KeyboardEvent} event
 * @param {List} list
 * @param {(model: string) => void} choose
 */
function pressed(event, list, choose) {
  if (event.isComposing) return;
  const { key } = event;
  if (key === "ArrowDown") list.walk(list.at + 1);
  else if (key === "ArrowUp") list.walk(list.at - 1);
  else if (key === "PageDown") list.walk(Math.min(list.at + 8, list.names.length - 1));
  else if (key === "PageUp") list.walk(Math.max(list.at - 8, 0));
  else if (key === "Home" && list.query.value === "") list.walk(0);
  else if (key === "End" && list.query.value === "") list.walk(-1);
  else if (key === "Enter" && event.shiftKey) starListed(list.active);
  else if (key === "Enter" && list.active !== "") choose(list.active);
  else return;
  event.preventDefault();
}

/** @param {string} model */
function starListed(model) {
  if (models.value.some(({ id }) => id === model)) star(model);
}

/**
 * @param {string} id
 * @param {number} index
 */
const optionId = (id, index) => `${id}-${index}`;

/** @param {{list: List, id: string, value: string, onChoose: (model: string) => void}} props */
function Groups({ list, id, value, onChoose }) {
  let index = 0;
  /** @param {string} name */
  const place = (name) => {
    const at = index++;
    return { id: optionId(id, at), active: name === list.active, chosen: name === value, onChoose };
  };
  const groups = list.shown.map((group) => {
    const label = groupLabel(group);
    return html`<div key=${group.kind + group.owner} class="picker-group" role="group" aria-label=${label}>
      <div class="picker-group-name" aria-hidden="true">${label}</div>
      ${group.models.map((model) => html`<${ModelRow} key=${model.id} model=${model} ...${place(model.id)} />`)}
    </div>`;
  });
  index = list.names.length - 1; // where a typed name is, however many rows before it are made
  return html`${groups}${list.unlisted && html`<${TypedRow} key="typed" name=${list.typed} ...${place(list.typed)} />`}
    ${list.names.length === 0 && html`<${Nothing} />`}`;
}

/** @param {ModelGroup} group */
function groupLabel({ kind, owner }) {
  if (kind === "favourites") return t("picker.favourites");
  if (kind === "found") return t("picker.found");
  if (owner === "llms") return t("picker.aliases");
  return owner === "" ? t("picker.otherOwner") : owner;
}

function Nothing() {
  if (modelsProblem.value !== "") return null;
  return html`<p class="picker-nothing" role="presentation">
    ${t(modelsLoading.value ? "picker.loading" : "picker.nothing")}
  </p>`;
}

function Problem() {
  if (modelsProblem.value === "") return null;
  return html`<div class="callout callout-danger picker-problem" role="alert">
    <p>${t(models.value.length === 0 ? "picker.problem" : "picker.stale", { reason: modelsProblem.value })}</p>
    <button type="button" class="button" disabled=${modelsLoading.value} onClick=${() => loadModels()}>
      ${t("picker.retry")}
    </button>
  </div>`;
}

/** @param {{list: List}} props */
function Footer({ list }) {
  const listed = models.value.some((model) => model.id === list.active);
  const favourite = settings.value.favourites.includes(list.active);
  return html`<div class="picker-footer">
    <span class="picker-keys" aria-hidden="true">
      <kbd>↑</kbd><kbd>↓</kbd> ${t("picker.keyMove")} <kbd>↵</kbd> ${t("picker.keyChoose")}
    </span>
    ${listed &&
    html`<button
      type="button"
      class="button button-quiet"
      aria-label=${t(favourite ? "picker.unstarModel" : "picker.starModel", { model: list.active })}
      onClick=${() => star(list.active)}
    >
      <${Icon} name="star" />${t(favourite ? "picker.unstar" : "picker.star")} <kbd>⇧↵</kbd>
    </button>`}
    <span role="status" class="visually-hidden">${t("picker.count", { count: list.names.length })}</span>
  </div>`;
}
