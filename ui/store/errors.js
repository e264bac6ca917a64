// What can go wrong with what the browser keeps. The code is for the page, the message is for the person.

import { t } from "../strings.js";

/**
 * @typedef {"STORAGE_FULL" | "STORAGE_CLOSED" | "STORAGE_BLOCKED" | "STORAGE_NEWER" | "STORAGE_NONE" | "STORAGE_FAILED"
 *   | "IMPORT_INVALID"} StoreCode
 */

export class StoreError extends Error {
  /**
   * @param {StoreCode} code
   * @param {Record<string, string>} [values] What the sentence names.
   * @param {unknown} [cause]
   */
  constructor(code, values = {}, cause = undefined) {
    super(t(`store.${code}`, values), { cause });
    this.name = "StoreError";
    this.code = code;
    /** Where in an imported file, as `messages[12].role`. */
    this.path = values.path ?? "";
  }
}

/**
 * Translate what the browser throws.
 *
 * @param {unknown} error
 * @returns {StoreError}
 */
export function storeError(error) {
  if (error instanceof StoreError) return error;
  const name = error instanceof Error ? error.name : "";
  if (name === "QuotaExceededError") return new StoreError("STORAGE_FULL", {}, error);
  if (name === "VersionError") return new StoreError("STORAGE_NEWER", {}, error);
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new StoreError("STORAGE_FAILED", { detail }, error);
}
