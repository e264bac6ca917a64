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
import { KeyDialog, ModelsPage, SettingsDialog } from "./parts.js";
import { Sidebar, hideSidebar, newChat } from "./sidebar.js";
import { ThreadView } from "./thread_view.js";

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
  const title = page === "models" ? t("page.models") : open && open.path.value.length > 0 ? titleOf(open.thread.value) : "";
  useEffect(() => {
    document.title = title === "" ? t("app.name") : t("app.title", { title });
  }, [title]);
  if (page === "models") {
    return html`<${Header} title=${html`<h1 class="title">${t("page.models")}</h1>`} />
      <div class="page-body"><${ModelsPage} /></div>`;
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
