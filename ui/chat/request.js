// What is asked of the gateway for an answer in a thread.

import { defaultModel, loadModels } from "../models.js";
import { settings } from "../settings.js";

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Thread} Thread */

/**
 * @param {Thread} thread
 * @param {object} what
 * @param {Message[]} what.messages  From the root to the one to answer, or to the one to continue.
 * @param {string} what.model
 * @param {boolean} [what.stream]  Instead of what the person has set.
 * @param {boolean} [what.continuing]
 * @returns {import("../stream/run.js").RunRequest}
 */
export function requestFor({ system, parameters }, { messages, model, stream = settings.value.stream, continuing }) {
  return {
    async body() {
      const { chatBody, continueBody } = await import("../stream/body.js");
      const asked = { model: model || (await firstModel()), system, parameters, messages, stream };
      return continuing ? continueBody(asked) : chatBody(asked);
    },
    lifeTimeoutMs: settings.value.lifeTimeoutS * 1000,
  };
}

/** Whoever sends before the list of models has come waits for it. */
async function firstModel() {
  if (defaultModel.peek() === "") await loadModels();
  return defaultModel.peek();
}
