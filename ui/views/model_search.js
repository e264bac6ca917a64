// Which models the picker lists, and in what order. Pure.

/** @typedef {import("../types.js").Model} Model */

/**
 * @typedef {object} ModelGroup
 * @property {"favourites" | "owner" | "found"} kind
 * @property {string} owner  Where the kind is `owner`.
 * @property {Model[]} models
 */

/**
 * The models that hold every word of a query in their name or their owner's: those whose name begins with it first,
 * then those where a word of the name does.
 *
 * @param {readonly Model[]} models
 * @param {string} query
 * @returns {Model[]}
 */
export function findModels(models, query) {
  const wanted = query.toLowerCase().trim();
  const words = wanted.split(/\s+/);
  /** @type {Model[][]} */
  const ranked = [[], [], []];
  for (const model of models) {
    const name = model.id.toLowerCase();
    const text = `${name} ${model.owner.toLowerCase()}`;
    if (words.every((word) => text.includes(word))) ranked[rank(name, wanted)].push(model);
  }
  return ranked.flat();
}

/**
 * @param {string} name
 * @param {string} wanted
 */
function rank(name, wanted) {
  const at = name.indexOf(wanted);
  if (at === 0) return 0;
  return at > 0 && /[^a-z0-9]/.test(name[at - 1]) ? 1 : 2;
}

/**
 * The models in groups: what was found when something is looked for, else the favourites and then each owner's.
 *
 * @param {readonly Model[]} models
 * @param {string} query
 * @param {readonly string[]} favourites
 * @returns {ModelGroup[]}
 */
export function groupModels(models, query, favourites) {
  if (query.trim() !== "") return filled([{ kind: "found", owner: "", models: findModels(models, query) }]);
  const byName = new Map(models.map((model) => [model.id, model]));
  const starred = favourites.flatMap((name) => byName.get(name) ?? []);
  /** @type {Map<string, ModelGroup>} */
  const owners = new Map();
  for (const model of models) {
    if (favourites.includes(model.id)) continue;
    const group = owners.get(model.owner) ?? { kind: "owner", owner: model.owner, models: [] };
    group.models.push(model);
    owners.set(model.owner, group);
  }
  return filled([{ kind: "favourites", owner: "", models: starred }, ...owners.values()]);
}

/** @param {ModelGroup[]} groups */
const filled = (groups) => groups.filter((group) => group.models.length > 0);

/**
 * The first so many models of groups.
 *
 * @param {ModelGroup[]} groups
 * @param {number} limit
 * @returns {ModelGroup[]}
 */
export function firstOf(groups, limit) {
  let left = limit;
  return filled(
    groups.map((group) => {
      const models = group.models.slice(0, Math.max(0, left));
      left -= models.length;
      return { ...group, models };
    }),
  );
}
