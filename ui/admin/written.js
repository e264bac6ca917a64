// Numbers, times and sizes as the language writes them.

import { language } from "../strings.js";
import { t } from "./texts.js";

const numbers = new Intl.NumberFormat(language);
const short = new Intl.NumberFormat(language, { notation: "compact", maximumSignificantDigits: 3 });
const percents = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
const precise = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
const days = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const utcDays = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" });
const utcDates = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" });
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayClock = new Intl.DateTimeFormat(language, { month: "short", day: "numeric" });
const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" });

/** @param {number} value */
export const number = (value) => numbers.format(value);
/** @param {number} value  `12.3K`. */
export const shortNumber = (value) => short.format(value);
/** @param {number} value  1 is all. */
export const percent = (value) => percents.format(value);
/** @param {number} at  Unix milliseconds, as all here. */
export const day = (at) => days.format(at);
/** @param {number} at */
export const utcDay = (at) => utcDays.format(at);
/** @param {number} at */
export const utcDate = (at) => utcDates.format(at);
/** @param {number} at */
export const timeOfDay = (at) => clock.format(at);
/** @param {number} at */
export const dayOfYear = (at) => dayClock.format(at);
/** @param {number} at */
export const fullTime = (at) => full.format(at);

/** @param {number} ms  `3.2 ms`, `480 ms`, `12.3 s`. */
export function span(ms) {
  if (ms < 1000) return t("unit.ms", { value: precise.format(ms) });
  if (ms < 120_000) return t("unit.s", { value: precise.format(ms / 1000) });
  return t("unit.min", { minutes: Math.floor(ms / 60_000), seconds: Math.round((ms % 60_000) / 1000) });
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return t("unit.bytes", { count: bytes });
  if (bytes < 1_000_000) return t("unit.kb", { value: precise.format(bytes / 1000) });
  return t("unit.mb", { value: precise.format(bytes / 1_000_000) });
}
