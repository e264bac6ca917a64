// The bar over a thread: its title, the model that answers, and what else can be set for it.

import { html, useLayoutEffect, useRef, useSignal, useState } from "../vendor/core.js";
import { titleOf } from "../chat/threads.js";
import { Icon } from "../icons.js";
import { defaultModel } from "../models.js";
import { t } from "../strings.js";
import { useChat } from "./context.js";
import { Header } from "./header.js";
import { LazyDialog } from "./lazy.js";
import { ModelPicker } from "./model_picker.js";
import { CodeDialog, ThreadSettings } from "./parts.js";

/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */

/** @param {{open: OpenThread}} props */
export function ThreadHeader({ open }) {
  const chat = useChat();
  const settingsOpen = useSignal(false);
  const codeOpen = useSignal(false);
  const thread = open.thread.value;
  return html`<${Header} title=${html`<${Title} open=${open} />`}>
    <${ModelPicker}
      value=${thread.model || defaultModel.value}
      onChange=${(/** @type {string} */ model) => chat.setModel(thread.id, model)}
    />
    <button type="button" class="icon-button" title=${t("thread.settings")} aria-label=${t("thread.settings")}
      data-testid="thread-settings-button" onClick=${() => (settingsOpen.value = true)}><${Icon} name="sliders" /></button>
    <button type="button" class="icon-button" title=${t("thread.code")} aria-label=${t("thread.code")}
      data-testid="code-button" onClick=${() => (codeOpen.value = true)}><${Icon} name="code" /></button>
    <${LazyDialog} view=${ThreadSettings} thread=${open} open=${settingsOpen} />
    <${LazyDialog} view=${CodeDialog} thread=${open} open=${codeOpen} />
  <//>`;
}

/** @param {{open: OpenThread}} props */
function Title({ open }) {
  const [renaming, setRenaming] = useState(false);
  const thread = open.thread.value;
  const shown = titleOf(thread);
  if (open.path.value.length === 0) return html`<h1 class="title">${t("thread.new")}</h1>`;
  if (renaming) return html`<${TitleBox} thread=${thread} close=${() => setRenaming(false)} />`;
  return html`<h1 class="title">
    <button type="button" class="title-button" dir="auto" title=${`${shown} – ${t("thread.rename")}`}
      onClick=${() => setRenaming(true)}>${shown}</button>
  </h1>`;
}

/**
 * Where a thread is named: Enter and leaving it keep the name, Esc does not.
 *
 * @param {{thread: import("../types.js").Thread, close: () => void}} props
 */
export function TitleBox({ thread, close }) {
  const chat = useChat();
  const box = useRef(/** @type {HTMLInputElement | null} */ (null));
  const left = useRef(false);
  useLayoutEffect(() => {
    box.current?.focus();
    box.current?.select();
  }, []);
  /** @param {boolean} keep */
  function leave(keep) {
    if (left.current) return; // a box that is taken away loses the focus, which is no second leaving
    left.current = true;
    const title = box.current?.value.trim() ?? "";
    if (keep && title !== "" && title !== titleOf(thread)) void chat.rename(thread.id, title);
    close();
  }
  return html`<input
    ref=${box}
    class="title-box"
    dir="auto"
    maxlength="200"
    aria-label=${t("thread.title")}
    defaultValue=${titleOf(thread)}
    onBlur=${() => leave(true)}
    onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Escape") event.stopPropagation(); // it ends this, not an answer
      if (event.key === "Enter" || event.key === "Escape") leave(event.key === "Enter");
    }}
  />`;
}
