// Why a file is not imported.

import { t } from "../strings.js";
import { StoreError } from "./errors.js";

/** @typedef {Extract<import("../strings.js").StringKey, `import.${string}`>} Reason */

/**
 * @param {Reason} reason
 * @param {string} [path] Where in the file, as `messages[12].role`.
 * @returns {StoreError}
 */
export function refusal(reason, path = "") {
  return new StoreError("IMPORT_INVALID", { path, reason: t(reason, { path }) });
}
