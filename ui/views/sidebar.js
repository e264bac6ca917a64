// The list of chats, and the way to the other pages. Beside the page, or a drawer over it where that is narrow.

import { html, useEffect, useRef, useSignal } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { HOME, KEYS, LOGS, MODELS, USAGE, chatPath, follow, go, route } from "../router.js";
import { t } from "../strings.js";
import { narrow, sidebarOpen, useChat } from "./context.js";
import { Found, useSearch } from "./search.js";
import { ThreadList } from "./thread_list.js";

/** @typedef {import("../router.js").Route} Route */

/** A page of the gateway gets its link here: what is in the list has a page. */
const PAGES = /** @type {const} */ ([
  { page: "chat", icon: "chat", label: "page.chat" },
  { page: "models", icon: "models", label: "page.models" },
  { page: "keys", icon: "key", label: "page.keys" },
  { page: "usage", icon: "chart", label: "page.usage" },
  { page: "logs", icon: "list", label: "page.logs" },
]);

const ADDRESSES = { models: MODELS, keys: KEYS, usage: USAGE, logs: LOGS };

export function Sidebar() {
  const chat = useChat();
  const words = useSignal("");
  const found = useSearch(words.value);
  const aside = useRef(/** @type {HTMLElement | null} */ (null));
  const shown = sidebarOpen.value;
  useDrawer(aside, shown && narrow.value);
  return html`<aside id="sidebar" class="sidebar" ref=${aside} data-open=${shown} inert=${!shown} aria-label=${t("sidebar")}>
      <div class="sidebar-head">
        <a class="brand" href=${HOME} onClick=${follow}>${t("app.name")}</a>
        <button type="button" class="icon-button" title=${t("sidebar.hide")} aria-label=${t("sidebar.hide")}
          aria-expanded="true" aria-controls="sidebar" onClick=${hideSidebar}><${Icon} name="panel" /></button>
      </div>
      <button type="button" class="new-chat" onClick=${newChat}><${Icon} name="plus" /> ${t("thread.new")}</button>
      <label class="search">
        <${Icon} name="search" />
        <input type="search" dir="auto" placeholder=${t("sidebar.search")} aria-label=${t("sidebar.search")}
          value=${words.value} onInput=${(/** @type {Event} */ event) => (words.value = valueOf(event))} />
      </label>
      <nav class="threads" aria-label=${t("sidebar")}>
        ${found === null
          ? html`<${ThreadList} threads=${chat.threads.value} />`
          : html`<${Found} found=${found} words=${words.value} />`}
      </nav>
      <nav class="pages" aria-label=${t("sidebar.pages")}>
        ${PAGES.map(({ page, icon, label }) => {
          const here = route.value.page === page;
          return html`<a key=${page} href=${addressOf(page)} aria-current=${here ? "page" : undefined} onClick=${followInDrawer}>
            <${Icon} name=${icon} /> ${t(label)}
          </a>`;
        })}
      </nav>
    </aside>
    ${shown && narrow.value && html`<div class="backdrop" onClick=${hideSidebar}></div>`}`;

  /** @param {Route["page"]} page */
  function addressOf(page) {
    if (page !== "chat") return ADDRESSES[page];
    const open = chat.open.value?.thread.value.id;
    const kept = open !== undefined && chat.threads.value.some(({ id }) => id === open);
    return kept ? chatPath(open) : HOME;
  }
}

/** Begin a new chat. */
export function newChat() {
  closeDrawer();
  go(HOME);
  const box = document.querySelector("[data-testid=chat-input]");
  if (box instanceof HTMLElement && !narrow.peek()) box.focus();
}

export function closeDrawer() {
  if (narrow.peek()) sidebarOpen.value = false;
}

/** @param {MouseEvent} event  Of a link. */
export function followInDrawer(event) {
  follow(event);
  if (event.defaultPrevented) closeDrawer();
}

/** Hide it; the button that shows it again gets the focus, as this one goes. */
export function hideSidebar() {
  sidebarOpen.value = false;
  requestAnimationFrame(() => document.getElementById("sidebar-button")?.focus());
}

/**
 * A drawer takes the focus when it opens.
 *
 * @param {import("preact").RefObject<HTMLElement | null>} aside
 * @param {boolean} open
 */
function useDrawer(aside, open) {
  useEffect(() => {
    if (open) aside.current?.querySelector("button")?.focus();
  }, [open]);
}

/** @param {Event} event */
function valueOf(event) {
  return event.currentTarget instanceof HTMLInputElement ? event.currentTarget.value : "";
}
