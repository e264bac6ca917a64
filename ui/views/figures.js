// Times, speeds and sums of money as a person reads them, and a clock that ticks while somebody looks at it.

import { useEffect, useState } from "../vendor/core.js";
import { language, t } from "../strings.js";

const tenths = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const hundredths = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const money = new Intl.NumberFormat(language, {
  style: "currency",
  currency: "USD",
  minimumFractionDigits: 2,
  maximumSignificantDigits: 2,
});

/** @param {number} ms  Shown as `6.2 s`, `42 s`, `3 min 8 s`. */
export function duration(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return t("time.seconds", { value: tenths.format(seconds) });
  return wholeDuration(ms);
}

/** @param {number} ms  To the hundredth, for what is short. */
export function shortDuration(ms) {
  return ms < 995 ? t("time.seconds", { value: hundredths.format(ms / 1000) }) : duration(ms);
}

/** @param {number} ms  In whole seconds. */
export function wholeDuration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return t("time.seconds", { value: whole.format(seconds) });
  return t("time.minutes", { minutes: Math.floor(seconds / 60), seconds: seconds % 60 });
}

/** @param {number} tokensPerSecond */
export function speed(tokensPerSecond) {
  return t("speed", { value: (tokensPerSecond < 9.95 ? tenths : whole).format(tokensPerSecond) });
}

/** @param {number} usd */
export function dollars(usd) {
  return usd >= 1 ? usd.toLocaleString(language, { style: "currency", currency: "USD" }) : money.format(usd);
}

/**
 * The time, anew every so often for as long as the view that asks is shown.
 *
 * @param {number} everyMs  0: it stands still.
 */
export function useNow(everyMs) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (everyMs === 0) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
