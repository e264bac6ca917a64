// What the sidebar's search finds.

import { html, useEffect, useState } from "../vendor/core.js";
import { titleOf } from "../chat/threads.js";
import { chatPath, route } from "../router.js";
import { t } from "../strings.js";
import { useChat } from "./context.js";
import { followInDrawer } from "./sidebar.js";

/** @typedef {Awaited<ReturnType<import("../chat/chat.js").Chat["search"]>>} FoundThreads */

/** So long after the last key the search begins: it reads every message. */
const PAUSE_MS = 150;

/**
 * @param {string} words
 * @returns {FoundThreads | null} The last that was found while more is looked for; `null` where nothing is looked for.
 */
export function useSearch(words) {
  const chat = useChat();
  const [found, setFound] = useState(/** @type {FoundThreads | null} */ (null));
  const wanted = words.trim();
  useEffect(() => {
    if (wanted === "") {
      setFound(null);
      return undefined;
    }
    const searching = new AbortController();
    const timer = setTimeout(async () => {
      const result = await chat.search(wanted, searching.signal).catch(unlessAborted);
      if (!searching.signal.aborted) setFound(result);
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      searching.abort();
    };
  }, [wanted]);
  return wanted === "" ? null : found;

  /** @param {unknown} error */
  function unlessAborted(error) {
    if (error instanceof DOMException && error.name === "AbortError") return [];
    throw error;
  }
}

/** @param {{found: FoundThreads, words: string}} props */
export function Found({ found, words }) {
  if (found.length === 0) return html`<p class="sidebar-note" role="status">${t("sidebar.nothing", { text: words.trim() })}</p>`;
  const here = route.value.page === "chat" ? route.value.thread : null;
  return html`<p class="visually-hidden" role="status">${t("sidebar.found", { count: found.length })}</p>
    <ul>
      ${found.map(
        ({ thread, excerpt }) => html`<li key=${thread.id} class="thread-row found-row" data-here=${here === thread.id}>
          <a href=${chatPath(thread.id)} dir="auto" aria-current=${here === thread.id ? "page" : undefined}
            onClick=${followInDrawer}>
            ${titleOf(thread)}
            ${excerpt && html`<span class="excerpt" dir="auto">${excerpt}</span>`}
          </a>
        </li>`,
      )}
    </ul>`;
}
