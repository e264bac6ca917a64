// Sizes and times as people read them.

import { language, t } from "../strings.js";

const UNITS = Object.freeze(["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"]);

/**
 * @param {number} bytes
 * @returns {string} As `12 MB`.
 */
export function readBytes(bytes) {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** power;
  const maximumFractionDigits = value < 10 && power > 0 ? 1 : 0;
  /** @type {"long" | "short"} */
  const unitDisplay = power === 0 ? "long" : "short"; // the short form of bytes has no plural
  const format = { unit: UNITS[power], unitDisplay, maximumFractionDigits };
  return new Intl.NumberFormat(language, { style: "unit", ...format }).format(value);
}

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const SPANS = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/**
 * @param {number} time Unix milliseconds.
 * @param {number} [now]
 * @returns {string} As `3 days ago`.
 */
export function readSince(time, now = Date.now()) {
  const seconds = Math.max(0, now - time) / 1000;
  const [unit, span] = SPANS.find(([, length]) => seconds >= length) ?? ["second", 0];
  if (span === 0) return t("storage.justNow");
  return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-Math.floor(seconds / span), unit);
}
