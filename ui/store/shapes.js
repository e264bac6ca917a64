// Shapes that values from outside must have. A shape reads a value and gives it back as ours, or refuses it by its
// path. Fields that a shape does not name are dropped: it makes its objects anew, so none can smuggle in a prototype.

import { refusal } from "./refusal.js";

/**
 * @template T
 * @typedef {(value: unknown, path: string) => T} Shape
 */

/**
 * @param {number} max Characters.
 * @param {number} [min]
 * @returns {Shape<string>}
 */
export function text(max, min = 0) {
  return (value, path) => {
    if (typeof value !== "string" || value.length < min) throw wrong(value, path);
    if (value.length > max) throw refusal("import.long", path);
    return value;
  };
}

/**
 * @param {number} [min]
 * @param {number} [max]
 * @returns {Shape<number>}
 */
export function number(min = -Infinity, max = Infinity) {
  return (value, path) => {
    if (typeof value !== "number" || !(value >= min && value <= max)) throw wrong(value, path);
    return value;
  };
}

/** @type {Shape<boolean>} */
export function flag(value, path) {
  if (typeof value !== "boolean") throw wrong(value, path);
  return value;
}

/**
 * @template {string | number} T
 * @param {...T} values
 * @returns {Shape<T>}
 */
export function oneOf(...values) {
  return (value, path) => {
    const found = values.find((allowed) => allowed === value);
    if (found === undefined) throw wrong(value, path);
    return found;
  };
}

/**
 * @template T
 * @param {Shape<T>} shape
 * @returns {Shape<T | null>}
 */
export function orNull(shape) {
  return (value, path) => (value === null ? null : shape(value, path));
}

/**
 * @template T
 * @param {Shape<T>} shape
 * @param {number} max Elements.
 * @returns {Shape<T[]>}
 */
export function list(shape, max) {
  return (value, path) => {
    if (!Array.isArray(value)) throw wrong(value, path);
    if (value.length > max) throw refusal("import.long", path);
    return value.map((element, index) => shape(element, `${path}[${index}]`));
  };
}

/**
 * @template {Record<string, Shape<any>>} T
 * @param {T} fields All of them are required.
 * @returns {Shape<{[K in keyof T]: ReturnType<T[K]>}>}
 */
export function record(fields) {
  return (value, path) => {
    const given = asObject(value, path);
    const read = Object.entries(fields).map(([name, shape]) => {
      return [name, shape(Reflect.get(given, name), join(path, name))];
    });
    return Object.fromEntries(read);
  };
}

/**
 * @template {Record<string, Shape<any>>} T
 * @param {T} fields Each of them may be absent.
 * @returns {Shape<Partial<{[K in keyof T]: ReturnType<T[K]>}>>}
 */
export function partial(fields) {
  return (value, path) => {
    const given = asObject(value, path);
    const there = Object.entries(fields).filter(([name]) => Reflect.get(given, name) !== undefined);
    return /** @type {any} */ (record(Object.fromEntries(there))(given, path));
  };
}

/**
 * @param {unknown} value
 * @param {string} path
 * @returns {object}
 */
function asObject(value, path) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(value, path);
  return value;
}

/**
 * @param {string} path
 * @param {string} name
 */
function join(path, name) {
  return path === "" ? name : `${path}.${name}`;
}

/**
 * @param {unknown} value
 * @param {string} path
 */
function wrong(value, path) {
  return refusal(value === undefined ? "import.missing" : "import.kind", path);
}
