// A message being edited, in its place. What is saved is a new version beside it; the old one stays.

import { html, useLayoutEffect, useRef, useState } from "../vendor/core.js";
import { t } from "../strings.js";
import { isSendKey, useGrowingBox } from "./text_box.js";
import { Pictures } from "./pictures.js";

/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */
/** @typedef {import("../types.js").Message} Message */

/** @param {{open: OpenThread, message: Message, close: () => void}} props */
export function EditForm({ open, message, close }) {
  const question = message.role === "user";
  const [pictures, setPictures] = useState(message.pictures);
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const box = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useGrowingBox(box);
  useLayoutEffect(() => {
    box.current?.focus({ preventScroll: true });
    box.current?.setSelectionRange(message.content.length, message.content.length);
    form.current?.scrollIntoView({ block: "nearest" });
  }, []);

  function leave() {
    const article = form.current?.closest("article");
    close();
    // The button is there again once this is drawn.
    requestAnimationFrame(() => /** @type {HTMLElement | null} */ (article?.querySelector("[data-action=edit]"))?.focus());
  }

  async function save() {
    const text = box.current?.value ?? "";
    if (text.trim() === "" && pictures.length === 0) return;
    const changed = text !== message.content || pictures.length !== message.pictures.length;
    if (!changed && !question) return leave();
    if (await open.edit(message, { text, pictures })) close();
  }

  return html`<form ref=${form} class="edit-form" onSubmit=${(/** @type {Event} */ event) => {
    event.preventDefault();
    void save();
  }}
    onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Escape") {
        event.stopPropagation(); // it is this that it ends, not an answer
        leave();
      } else if (isSendKey(event) && (question || event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        void save();
      }
    }}>
    <${Pictures} pictures=${pictures} remove=${(/** @type {import("../types.js").Picture} */ gone) =>
      setPictures(pictures.filter((picture) => picture !== gone))} />
    <textarea ref=${box} rows="1" dir="auto" aria-label=${t("edit.label")} defaultValue=${message.content}></textarea>
    <div class="edit-buttons">
      <button type="button" class="button" onClick=${leave}>${t("edit.cancel")}</button>
      <button type="submit" class="button button-primary">${t(question ? "edit.send" : "edit.save")}</button>
    </div>
  </form>`;
}
