// From the chunks of a stream, and from an answer that is not streamed, to deltas. Chunks come from services of all
// kinds: nothing in them is taken to have the type that it should have.

/** @typedef {import("../types.js").Delta} Delta */
/** @typedef {import("../types.js").Usage} Usage */

const MAX_TOOLS = 128;

/**
 * Give what one chunk of a stream says, reasoning first. Of several choices only the first is shown.
 *
 * @param {unknown} chunk
 * @returns {Delta[]}
 */
export function deltasOf(chunk) {
  return read(chunk, "delta");
}

/**
 * Give what an answer that is not streamed says, as the deltas that it could have been streamed as.
 *
 * @param {unknown} completion
 * @returns {Delta[]}
 */
export function deltasOfCompletion(completion) {
  return read(completion, "message");
}

/**
 * @param {unknown} usage  As OpenAI has it.
 * @returns {Usage | null} `null` where it counts nothing.
 */
export function usageOf(usage) {
  const counts = objectOf(usage);
  const input = countOf(counts.prompt_tokens);
  const output = countOf(counts.completion_tokens);
  if (input === null && output === null) return null;
  const cached = countOf(objectOf(counts.prompt_tokens_details).cached_tokens) ?? 0;
  const reasoning = countOf(objectOf(counts.completion_tokens_details).reasoning_tokens) ?? 0;
  return {
    input: input ?? 0,
    output: output ?? 0,
    reasoning: Math.min(reasoning, output ?? 0),
    cached: Math.min(cached, input ?? 0),
    costUsd: typeof counts.cost === "number" && counts.cost >= 0 && Number.isFinite(counts.cost) ? counts.cost : null,
  };
}

/**
 * @param {unknown} value
 * @returns {Record<string, any>} The value where it is an object, an empty one otherwise.
 */
export function objectOf(value) {
  return typeof value === "object" && value !== null ? value : {};
}

/**
 * @param {unknown} answer
 * @param {"delta" | "message"} name  Where a choice keeps what is said.
 */
function read(answer, name) {
  const { choices, usage } = objectOf(answer);
  const deltas = listOf(choices)
    .filter(isFirst)
    .flatMap((choice) => choiceDeltas(choice, name));
  const counted = usageOf(usage);
  if (counted !== null) deltas.push({ kind: "usage", usage: counted });
  return deltas;
}

/** @param {unknown} choice */
function isFirst(choice) {
  return (objectOf(choice).index ?? 0) === 0;
}

/**
 * @param {unknown} choice
 * @param {"delta" | "message"} name
 * @returns {Delta[]}
 */
function choiceDeltas(choice, name) {
  const { [name]: said, finish_reason: reason } = objectOf(choice);
  const { content, refusal, reasoning_content, reasoning, tool_calls } = objectOf(said);
  /** @type {Delta[]} */
  const deltas = [];
  // A gateway set to send both spellings sends the same text twice.
  const thought = textOf(reasoning_content) || textOf(reasoning);
  if (thought !== "") deltas.push({ kind: "reasoning", text: thought });
  const text = textOf(content) + textOf(refusal);
  if (text !== "") deltas.push({ kind: "content", text });
  listOf(tool_calls).forEach((call, position) => deltas.push(toolDelta(objectOf(call), position)));
  if (typeof reason === "string" && reason !== "") deltas.push({ kind: "finish", reason });
  return deltas;
}

/**
 * @param {Record<string, any>} call
 * @param {number} position  Its index where it names none: in a whole answer none does.
 * @returns {Delta}
 */
function toolDelta(call, position) {
  const { index, id } = call;
  const named = objectOf(call.function ?? call.custom);
  const given = named.arguments ?? named.input;
  return {
    kind: "tool",
    index: Number.isInteger(index) && index >= 0 && index < MAX_TOOLS ? index : position,
    id: typeof id === "string" ? id : "",
    name: typeof named.name === "string" ? named.name : "",
    arguments: typeof given === "object" && given !== null ? JSON.stringify(given) : textOf(given),
  };
}

/**
 * @param {unknown} value  A text, or a list of parts as some services send it.
 * @returns {string}
 */
function textOf(value) {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return value.map((part) => textOf(typeof part === "object" ? part?.text : part)).join("");
  return "";
}

/**
 * @param {unknown} value
 * @returns {unknown[]}
 */
function listOf(value) {
  return Array.isArray(value) ? value : [];
}

/** @param {unknown} value */
function countOf(value) {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}
