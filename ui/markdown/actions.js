// What a click inside an answer does. One listener serves a whole thread.

import { t } from "../strings.js";
import { readAddress } from "./addresses.js";

const SAID_MS = 2_000;

/** @param {MouseEvent} event A click anywhere in a thread. */
export function onMarkdownClick(event) {
  if (!(event.target instanceof Element)) return;
  const button = event.target.closest("button");
  const anchor = event.target.closest("a");
  if (button?.classList.contains("md-copy")) void copyCode(button);
  else if (button?.dataset.open !== undefined) open(button.dataset.open);
  else if (anchor?.getAttribute("href")?.startsWith("#")) jump(event, anchor);
}

/** @param {string} address */
function open(address) {
  const allowed = readAddress(address);
  if (allowed?.kind === "web") window.open(allowed.href, "_blank", "noopener,noreferrer");
}

/**
 * Go to the heading that a link names. Headings have no ids: those of a model could be taken for the page's own.
 *
 * @param {Event} event
 * @param {HTMLAnchorElement} anchor
 */
function jump(event, anchor) {
  event.preventDefault();
  const wanted = (anchor.getAttribute("href") ?? "").slice(1).toLowerCase();
  const headings = anchor.closest(".markdown")?.querySelectorAll("h1, h2, h3, h4, h5, h6") ?? [];
  Array.from(headings)
    .find((heading) => nameOf(heading) === wanted)
    ?.scrollIntoView({ block: "start" });
}

/** @param {Element} heading The name that most renderers of Markdown give it. */
function nameOf(heading) {
  return (heading.textContent ?? "")
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, "")
    .replaceAll(" ", "-");
}

/** @param {HTMLButtonElement} button */
async function copyCode(button) {
  const code = button.closest(".md-code")?.querySelector("code");
  if (!code) return;
  const isCopied = (await writeClipboard(code.textContent ?? "")) || copySelected(code);
  button.textContent = isCopied ? t("markdown.copied") : t("markdown.copyFailed");
  setTimeout(() => {
    button.textContent = t("markdown.copy");
  }, SAID_MS);
}

/** @param {string} text */
async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // refused, or missing: the page did not come over HTTPS
  }
}

/** @param {Element} code It stays selected where it could not be copied, so that a person can do it. */
function copySelected(code) {
  const selection = getSelection();
  selection?.selectAllChildren(code);
  const isCopied = document.execCommand("copy");
  if (isCopied) selection?.removeAllRanges();
  return isCopied;
}
