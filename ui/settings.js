// What a person has set, in localStorage; every tab follows a change at once.

import { effect, signal } from "./vendor/core.js";

/**
 * @typedef {object} Settings
 * @property {boolean} stream  *Enable Streaming*.
 * @property {boolean} typeOn  Type on while an answer comes; one message is queued.
 * @property {"system" | "light" | "dark"} theme
 * @property {number} lifeTimeoutS  How long an answer may give no sign of life.
 * @property {string} model  For new threads; empty: the first that is listed.
 * @property {string[]} favourites  Models.
 */

const NAME = "llms.settings";

/** @type {Settings} */
const DEFAULTS = { stream: true, typeOn: false, theme: "system", lifeTimeoutS: 30, model: "", favourites: [] };

/** What is set now. Change it with `change`. */
export const settings = signal(read());

/** @param {Partial<Settings>} changed */
export function change(changed) {
  settings.value = { ...settings.value, ...changed };
  write();
}

/** Follow what other tabs set, and show the theme. Called once, when the page starts. */
export function followSettings() {
  addEventListener("storage", (event) => {
    if (event.key === NAME) settings.value = read();
  });
  effect(() => {
    document.documentElement.dataset.theme = settings.value.theme;
  });
}

function write() {
  try {
    localStorage.setItem(NAME, JSON.stringify(settings.value));
  } catch {
    // A browser that keeps nothing (private mode, no space left): the setting holds until the page is closed.
  }
}

/** @returns {Settings} */
function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) ?? "{}");
    return { ...DEFAULTS, ...Object.fromEntries(Object.entries(kept).filter(([name, value]) => fits(name, value))) };
  } catch {
    return { ...DEFAULTS };
  }
}

/**
 * Whether a kept value still has its setting's kind: an older or newer version may have written it.
 *
 * @param {string} name
 * @param {unknown} value
 */
function fits(name, value) {
  if (name === "theme") return value === "system" || value === "light" || value === "dark";
  if (name === "favourites") return Array.isArray(value) && value.every((model) => typeof model === "string");
  if (name === "lifeTimeoutS") return typeof value === "number" && value >= 1 && value <= 3600;
  return typeof value === typeof Reflect.get(DEFAULTS, name);
}
