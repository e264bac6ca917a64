// The bodies of requests: from what a thread holds to what the API takes.
//
// Decisions. An answer that is empty (failed or stopped before its first word) is not sent: many providers refuse an
// empty message. One that broke off is sent as far as it came, since the person has read it. Reasoning is not sent
// back: it costs tokens, and no provider needs it between two questions. Nor are tool calls: they are never executed
// here, and a call without its result is refused everywhere.

import { t } from "../strings.js";

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Parameters} Parameters */
/** @typedef {import("../types.js").Picture} Picture */

/**
 * @typedef {object} Asked
 * @property {string} model
 * @property {string} system
 * @property {Parameters} parameters
 * @property {Message[]} messages  From the root to the one to answer.
 * @property {boolean} stream
 */

/** What else a body may hold: only this is taken from a thread's parameters, whatever an imported file put there. */
const PARAMETERS = Object.freeze(
  /** @type {const} */ ([
    "temperature",
    "top_p",
    "max_tokens",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "reasoning_effort",
    "stop",
  ]),
);

// For the model, not for a person, so in no table of strings: models follow English best.
const GO_ON =
  "Your last message was cut off. Go on from exactly where it ends: write what comes next, even if that is in the " +
  "middle of a word, a sentence or a code block. Repeat nothing of it, do not open the code block again, and add no " +
  "remark before or after.";

/**
 * Give the body of a request for the answer to the last message.
 *
 * @param {Asked} asked
 * @returns {Promise<Record<string, unknown>>}
 * @throws {Error} A picture cannot be read any more; the message is for people.
 */
export async function chatBody({ model, system, parameters, messages, stream }) {
  const sent = await Promise.all(messages.filter(hasContent).map(wireMessage));
  if (system.trim() !== "") sent.unshift({ role: "system", content: system });
  return {
    model,
    messages: sent,
    ...given(parameters),
    stream,
    ...(stream ? { stream_options: { include_usage: true } } : {}),
  };
}

/**
 * Give the body of a request for the rest of the last message, an answer that broke off. Where it is empty, there is
 * nothing to go on from, and the question before it is asked again.
 *
 * @param {Asked} asked
 * @returns {Promise<Record<string, unknown>>}
 * @throws {Error} A picture cannot be read any more; the message is for people.
 */
export async function continueBody(asked) {
  const body = await chatBody(asked);
  const partial = asked.messages.at(-1);
  if (partial?.role !== "assistant" || partial.content === "") return body;
  const messages = /** @type {object[]} */ (body.messages);
  return { ...body, messages: [...messages, { role: "user", content: GO_ON }] };
}

/** @param {Message} message */
function hasContent({ content, pictures }) {
  return content !== "" || pictures.length > 0;
}

/**
 * @param {Message} message
 * @returns {Promise<{role: string, content: unknown}>}
 */
async function wireMessage({ role, content, pictures }) {
  if (pictures.length === 0) return { role, content };
  const text = content === "" ? [] : [{ type: "text", text: content }];
  const images = pictures.map(async (picture) => ({ type: "image_url", image_url: { url: await dataUrl(picture) } }));
  return { role, content: [...text, ...(await Promise.all(images))] };
}

/**
 * @param {Picture} picture
 * @returns {Promise<string>}
 */
function dataUrl({ name, type, blob }) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Error(t("failure.picture", { name }), { cause: reader.error }));
    reader.readAsDataURL(blob.slice(0, blob.size, type)); // A slice, since a blob from a file may name no type.
  });
}

/** @param {Parameters} parameters */
function given(parameters) {
  return Object.fromEntries(
    PARAMETERS.map((name) => [name, parameters[name]]).filter(([, value]) => {
      if (typeof value === "number") return Number.isFinite(value);
      return (typeof value === "string" || Array.isArray(value)) && value.length > 0;
    }),
  );
}
