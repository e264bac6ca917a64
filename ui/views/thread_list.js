// The chats in the sidebar, by date.

import { html, useState } from "../vendor/core.js";
import { titleOf } from "../chat/threads.js";
import { Icon } from "../icons.js";
import { HOME, chatPath, go, route } from "../router.js";
import { t } from "../strings.js";
import { useChat } from "./context.js";
import { groupsOf } from "./groups.js";
import { Menu } from "./menu.js";
import { followInDrawer } from "./sidebar.js";
import { TitleBox } from "./thread_header.js";

/** @typedef {import("../types.js").Thread} Thread */

/** Thousands of rows with a menu each would cost more than anybody reads. */
const STEP = 150;

/** @param {{threads: readonly Thread[]}} props */
export function ThreadList({ threads }) {
  const [limit, setLimit] = useState(STEP);
  if (threads.length === 0) return html`<p class="sidebar-note">${t("sidebar.empty")}</p>`;
  return html`${groupsOf(threads.slice(0, limit), Date.now()).map(
      ({ label, threads: inIt }) => html`<section key=${label} class="thread-group" aria-label=${label}>
        <h2>${label}</h2>
        <ul>${inIt.map((thread) => html`<${Row} key=${thread.id} thread=${thread} />`)}</ul>
      </section>`,
    )}
    ${threads.length > limit &&
    html`<button type="button" class="text-button" onClick=${() => setLimit(limit + STEP)}>${t("sidebar.more")}</button>`}`;
}

/** @param {{thread: Thread}} props */
function Row({ thread }) {
  const chat = useChat();
  const [renaming, setRenaming] = useState(false);
  const title = titleOf(thread);
  const here = route.value.page === "chat" && route.value.thread === thread.id;
  if (renaming) {
    return html`<li class="thread-row"><${TitleBox} thread=${thread} close=${() => setRenaming(false)} /></li>`;
  }
  const items = [
    { label: t("thread.rename"), icon: html`<${Icon} name="edit" />`, run: () => setRenaming(true) },
    {
      label: t(thread.pinned ? "thread.unpin" : "thread.pin"),
      icon: html`<${Icon} name="pin" />`,
      run: () => void chat.pin(thread.id, !thread.pinned),
    },
    { label: t("thread.delete"), icon: html`<${Icon} name="trash" />`, danger: true, run: remove },
  ];
  function remove() {
    if (here) go(HOME);
    void chat.remove(thread.id);
  }
  return html`<li class="thread-row" data-here=${here}>
    <a href=${chatPath(thread.id)} dir="auto" title=${title} aria-current=${here ? "page" : undefined} onClick=${followInDrawer}>
      ${title}
    </a>
    ${chat.liveThreads.value.has(thread.id) &&
    html`<span class="live-mark" role="img" title=${t("thread.live")} aria-label=${t("thread.live")}></span>`}
    <${Menu} label=${t("thread.menu", { title })} items=${items} />
  </li>`;
}
