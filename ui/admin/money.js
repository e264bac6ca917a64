// Sums of money: whole micro-dollars in the gateway, dollars for people. They never become fractions of a number, so that
// no cent is lost on the way.

import { language } from "../strings.js";

const MICROS = 1_000_000;
/** The most that the gateway takes: a thousand million dollars. */
const MOST = 1_000_000_000;

/**
 * Read dollars as people write them: `20`, `$12.50`, `0,5`. A comma with three digits behind it is none of them: it may
 * mean thousands or thousandths.
 *
 * @param {string} text
 * @returns {number | null} Micro-dollars; null where it is no sum, is below a micro-dollar or more than can be.
 */
export function microsOf(text) {
  const found = /^\$?\s*(\d{0,10})(?:\.(\d{0,6})|,(\d{1,2}))?$/.exec(text.trim());
  const [, whole = "", point = "", comma = ""] = found ?? [];
  const fraction = point || comma;
  if (whole + fraction === "" || Number(whole) > MOST) return null;
  const micros = Number(whole) * MICROS + Number(fraction.padEnd(6, "0"));
  return micros <= MOST * MICROS ? micros : null;
}

/**
 * Write micro-dollars so that `microsOf` reads the same: `12.50`, `0.000001`.
 *
 * @param {number} micros
 */
export function plainDollars(micros) {
  const whole = Math.floor(micros / MICROS);
  const fraction = String(micros % MICROS).padStart(6, "0").replace(/0{1,4}$/, "");
  return `${whole}.${fraction}`;
}

const format = (/** @type {number} */ digits) =>
  new Intl.NumberFormat(language, { style: "currency", currency: "USD", maximumFractionDigits: digits });
const cents = format(2);
const fine = format(4);
const finest = format(6);
const short = new Intl.NumberFormat(language, {
  style: "currency",
  currency: "USD",
  notation: "compact",
  maximumSignificantDigits: 3,
});

/** @param {number} micros  As people read it: the smaller, the finer. */
export function dollarsOf(micros) {
  if (micros === 0 || micros >= MICROS) return cents.format(micros / MICROS);
  return (micros >= 10_000 ? fine : finest).format(micros / MICROS);
}

/** @param {number} micros  To the last micro-dollar. */
export function exactDollars(micros) {
  return finest.format(micros / MICROS);
}

/** @param {number} micros  For the axis of a chart. */
export function shortDollars(micros) {
  return short.format(micros / MICROS);
}
