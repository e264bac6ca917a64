// The whole page: sidebar, what the address names, and what lies over it.

import { html, useEffect, useRef } from "../vendor/core.js";
import { titleOf } from "../chat/threads.js";
import { route } from "../router.js";
import { keyWanted } from "../session.js";
import { t } from "../strings.js";
import { Announcer } from "./announcer.js";
import { ChatContext, narrow, settingsOpen, sidebarOpen, useChat } from "./context.js";
import { Header } from "./header.js";
import { LazyDialog } from "./lazy.js";
import { Notices } from "./notices.js";
import { KeyDialog, KeysPage, LogsPage, ModelsPage, SettingsDialog, UsagePage } from "./parts.js";
import { Sidebar, hideSidebar, newChat } from "./sidebar.js";
import { ThreadView } from "./thread_view.js";

/** Every page but the chat. */
const PAGES = { models: ModelsPage, keys: KeysPage, usage: UsagePage, logs: LogsPage };

/** @param {{chat: import("../chat/chat.js").Chat}} props */
export function App({ chat }) {
  return html`<${ChatContext.Provider} value=${chat}><${Frame} /><//>`;
}

function Frame() {
  useShortcuts();
  const drawer = narrow.value && sidebarOpen.value;
  return html`<div class="frame">
    <${Sidebar} />
    <main class="page" inert=${drawer}><${Page} /></main>
    <${Notices} />
    <${Announcer} />
    <${LazyDialog} view=${SettingsDialog} open=${settingsOpen} />
    <${LazyDialog} view=${KeyDialog} open=${keyWanted} />
  </div>`;
}

function Page() {
  const chat = useChat();
  const open = chat.open.value;
  const { page } = route.value;
  const shown = page === "chat" ? null : page;
  const title = shown !== null ? t(`page.${shown}`) : open && open.path.value.length > 0 ? titleOf(open.thread.value) : "";
  useEffect(() => {
    document.title = title === "" ? t("app.name") : t("app.title", { title });
  }, [title]);
  if (shown !== null) {
    return html`<${Header} title=${html`<h1 class="title">${title}</h1>`} />
      <div class="page-body" key=${shown}><${PAGES[shown]} /></div>`;
  }
  return open === null ? null : html`<${ThreadView} key=${open.thread.value.id} open=${open} />`;
}

/** Esc closes the drawer or stops the answer, Ctrl or ⌘ with Shift and O begins a new chat. The model picker listens to its own. */
function useShortcuts() {
  const chat = useChat();
  const pressed = useRef(/** @param {KeyboardEvent} event */ (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === "Escape" && document.querySelector("dialog[open], :popover-open") === null) {
      if (narrow.peek() && sidebarOpen.peek()) hideSidebar();
      else chat.open.peek()?.stop();
    }
    if ((event.ctrlKey || event.metaKey) && event.shiftKey && event.code === "KeyO") {
      event.preventDefault();
      newChat();
    }
  });
  useEffect(() => {
    addEventListener("keydown", pressed.current);
    return () => removeEventListener("keydown", pressed.current);
  }, []);
}
