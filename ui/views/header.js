// The bar over every page: the way to the sidebar, what the page is, its tools, the settings.

import { html } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { t } from "../strings.js";
import { settingsOpen, sidebarOpen } from "./context.js";

/** @typedef {import("../vendor/core.js").ComponentChildren} ComponentChildren */

/** @param {{title: ComponentChildren, children?: ComponentChildren}} props */
export function Header({ title, children }) {
  return html`<header class="header">
    ${!sidebarOpen.value &&
    html`<button type="button" class="icon-button" id="sidebar-button" title=${t("sidebar.open")}
      aria-label=${t("sidebar.open")} aria-expanded="false" aria-controls="sidebar"
      onClick=${() => (sidebarOpen.value = true)}><${Icon} name="panel" /></button>`}
    ${title}
    <div class="header-tools">
      ${children}
      <button type="button" class="icon-button" data-testid="settings-button" title=${t("settings")}
        aria-label=${t("settings")} onClick=${() => (settingsOpen.value = true)}><${Icon} name="settings" /></button>
    </div>
  </header>`;
}
