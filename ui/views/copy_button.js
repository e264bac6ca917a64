// A button that copies a text and says that it has.

import { html, useEffect, useState } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { t } from "../strings.js";
import { announce } from "./announcer.js";
import { tell } from "./notices.js";

const SAID_MS = 1_600;

/** @param {{text: () => string, label: string, shown?: string}} props  `shown`: text in place of the icon. */
export function CopyButton({ text, label, shown }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), SAID_MS);
    return () => clearTimeout(timer);
  }, [copied]);

  async function copy() {
    if (await write(text())) {
      setCopied(true);
      announce(t("message.copied"));
    } else {
      tell({ text: t("message.copyFailed"), code: "COPY_FAILED" });
    }
  }

  const icon = html`<${Icon} name=${copied ? "check" : "copy"} />`;
  return html`<button type="button" class=${shown === undefined ? "icon-button" : "text-button"} title=${label}
    aria-label=${label} onClick=${copy}>${shown === undefined ? icon : copied ? t("message.copied") : shown}</button>`;
}

/**
 * @param {string} text
 * @returns {Promise<boolean>} Whether it worked.
 */
async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return writeByCommand(text);
  }
}

/**
 * The way of old, for pages that come over plain HTTP from another machine: `navigator.clipboard` is missing there.
 *
 * @param {string} text
 */
function writeByCommand(text) {
  const box = document.createElement("textarea");
  const focused = document.activeElement;
  box.className = "visually-hidden";
  box.value = text;
  document.body.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return done;
}
