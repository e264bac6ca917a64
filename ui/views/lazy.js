// Views that are loaded when they are first shown, so that the first page is small.

import { html, signal } from "../vendor/core.js";

/**
 * @template {object} P
 * @param {() => Promise<import("preact").FunctionComponent<P>>} load
 * @returns {import("preact").FunctionComponent<P>} Shows nothing until it is loaded. What cannot be loaded is asked for
 *   again when it is next shown; the failure itself is an unhandled one, which the page makes a notice of.
 */
export function lazy(load) {
  /** @type {import("../vendor/core.js").Signal<{component: import("preact").FunctionComponent<P>} | null>} */
  const loaded = signal(null);
  let asked = false;

  async function ask() {
    asked = true;
    try {
      loaded.value = { component: await load() };
    } catch (error) {
      asked = false;
      throw new PartMissing(error);
    }
  }

  return function Lazy(props) {
    if (loaded.value !== null) return html`<${loaded.value.component} ...${props} />`;
    if (!asked) void ask();
    return null;
  };
}

/**
 * Load a style sheet; once, however often it is asked for.
 *
 * @param {string} path  In the folder of the page's files.
 * @returns {Promise<void>}
 */
export function loadStyles(path) {
  const href = new URL(`../${path}`, import.meta.url).href;
  const there = [...document.styleSheets].some((sheet) => sheet.href === href);
  if (there) return Promise.resolve();
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = href;
  return new Promise((resolve, reject) => {
    link.addEventListener("load", () => resolve());
    link.addEventListener("error", () => {
      link.remove();
      reject(new Error(`${path} could not be loaded`));
    });
    document.head.append(link);
  });
}

/** A module could not be loaded: the network is gone, or the gateway serves another version by now. */
export class PartMissing extends Error {
  /** @param {unknown} cause */
  constructor(cause) {
    super("a part of the page could not be loaded", { cause });
  }
}

/**
 * A dialog that is loaded when it is first opened.
 *
 * @template {{open: import("../vendor/core.js").Signal<boolean>}} P
 * @param {P & {view: import("preact").FunctionComponent<P>}} props
 */
export function LazyDialog({ view, ...props }) {
  return props.open.value ? html`<${view} ...${props} />` : null;
}
