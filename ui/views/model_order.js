// Which models the table shows, and in what order. Pure.

import { findModels } from "./model_search.js";

/** @typedef {import("../types.js").Model} Model */

/**
 * @typedef {object} Order
 * @property {"listed" | "name" | "context" | "input" | "output"} by  `listed`: as the gateway lists them.
 * @property {boolean} down
 */

/**
 * @param {readonly Model[]} models
 * @param {{query: string, owner: string, modality: string}} wanted  Empty: any.
 * @returns {Model[]}
 */
export function filterModels(models, { query, owner, modality }) {
  const found = query.trim() === "" ? models : findModels(models, query);
  return found.filter((model) => {
    return (owner === "" || model.owner === owner) && (modality === "" || model.inputs.includes(modality));
  });
}

/**
 * Sort; a model of which the figure is not known comes last either way.
 *
 * @param {Model[]} models
 * @param {Order} order
 * @returns {Model[]}
 */
export function sortModels(models, { by, down }) {
  if (by === "listed") return models;
  const sign = down ? -1 : 1;
  if (by === "name") return models.toSorted((one, other) => sign * compareNames(one.id, other.id));
  return models.toSorted((one, other) => {
    const [first, second] = [figure(one, by), figure(other, by)];
    if (first === null || second === null) return Number(first === null) - Number(second === null);
    return sign * (first - second) || compareNames(one.id, other.id);
  });
}

const { compare: compareNames } = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/**
 * @param {Model} model
 * @param {"context" | "input" | "output"} by
 */
function figure(model, by) {
  if (by === "context") return model.context;
  return model.price === null ? null : by === "input" ? model.price.inputUsd : model.price.outputUsd;
}

/** @param {readonly Model[]} models */
export function ownersOf(models) {
  return sorted(models.map((model) => model.owner));
}

/** @param {readonly Model[]} models What they take in beside text. */
export function modalitiesOf(models) {
  return sorted(models.flatMap((model) => model.inputs));
}

/** @param {string[]} names */
function sorted(names) {
  return [...new Set(names)].filter((name) => name !== "").sort(compareNames);
}
