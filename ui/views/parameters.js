// The parameters of a thread as text in a form, and back. Pure.

import { t } from "../strings.js";
import { readNumber } from "./fields.js";

/** @typedef {import("../types.js").Parameters} Parameters */
/**
 * @typedef {object} NumberParameter
 * @property {"temperature" | "top_p" | "max_tokens" | "seed" | "presence_penalty" | "frequency_penalty"} name
 * @property {number} least
 * @property {number} most
 * @property {boolean} whole
 */

const ANY = Number.MAX_SAFE_INTEGER;

/** @type {readonly NumberParameter[]} In the order of the form. The ranges are those of OpenAI's API. */
export const NUMBERS = Object.freeze([
  { name: "temperature", least: 0, most: 2, whole: false },
  { name: "top_p", least: 0, most: 1, whole: false },
  { name: "max_tokens", least: 1, most: ANY, whole: true },
  { name: "seed", least: -ANY, most: ANY, whole: true },
  { name: "presence_penalty", least: -2, most: 2, whole: false },
  { name: "frequency_penalty", least: -2, most: 2, whole: false },
]);

/** What `reasoning_effort` may be. */
export const EFFORTS = Object.freeze(["none", "minimal", "low", "medium", "high", "xhigh"]);

const MOST_STOPS = 4;

/** @typedef {Record<NumberParameter["name"] | "reasoning_effort" | "stop", string>} ParameterTexts */

/**
 * @param {Parameters} parameters
 * @returns {ParameterTexts} Empty: the provider's default.
 */
export function textsOf(parameters) {
  const numbers = NUMBERS.map(({ name }) => [name, String(parameters[name] ?? "")]);
  const stop = (parameters.stop ?? []).map(escaped).join("\n");
  return { ...Object.fromEntries(numbers), reasoning_effort: parameters.reasoning_effort ?? "", stop };
}

/**
 * Read the form. What is wrong in it keeps the value that it had.
 *
 * @param {ParameterTexts} texts
 * @param {Parameters} before
 * @returns {{parameters: Parameters, problems: Partial<Record<keyof ParameterTexts, string>>}}
 */
export function readParameters(texts, before) {
  /** @type {Parameters} */
  const parameters = {};
  /** @type {Partial<Record<keyof ParameterTexts, string>>} */
  const problems = {};
  for (const parameter of NUMBERS) {
    const { name } = parameter;
    const value = texts[name].trim() === "" ? undefined : readNumber(texts[name], parameter);
    if (value === null) problems[name] = problemOf(parameter);
    const kept = value === null ? before[name] : value;
    if (kept !== undefined) parameters[name] = kept;
  }
  if (texts.reasoning_effort !== "") parameters.reasoning_effort = texts.reasoning_effort;
  const stop = texts.stop.split("\n").filter((line) => line !== "").map(unescaped);
  if (stop.length > MOST_STOPS) problems.stop = t("parameters.stopProblem", { most: MOST_STOPS });
  const kept = stop.length > MOST_STOPS ? (before.stop ?? []) : stop;
  if (kept.length > 0) parameters.stop = kept;
  return { parameters, problems };
}

/** @param {NumberParameter} parameter */
function problemOf({ name, least, most, whole }) {
  if (name === "max_tokens") return t("parameters.countProblem");
  if (name === "seed") return t("parameters.wholeProblem");
  return t(whole ? "parameters.wholeProblem" : "parameters.rangeProblem", { least, most });
}

/** @param {string} text A line of the form stands for one stop sequence, which may hold line breaks itself. */
function escaped(text) {
  return text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/\t/g, "\\t");
}

/** @param {string} line */
function unescaped(line) {
  const meant = new Map([["\\n", "\n"], ["\\t", "\t"], ["\\\\", "\\"]]);
  return line.replace(/\\[nt\\]/g, (written) => meant.get(written) ?? written);
}
