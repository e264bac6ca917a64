// What every view can reach: the chat, and what of the frame is open.

import { createContext, signal, useContext } from "../vendor/core.js";

/** @typedef {import("../chat/chat.js").Chat} Chat */

/** @type {import("preact").Context<Chat | null>} */
export const ChatContext = createContext(/** @type {Chat | null} */ (null));

/** @returns {Chat} */
export function useChat() {
  const chat = useContext(ChatContext);
  if (chat === null) throw new Error("no ChatContext above this view");
  return chat;
}

const phone = matchMedia("(max-width: 48rem)");

/** Whether the page is so narrow that the sidebar is a drawer over it. */
export const narrow = signal(phone.matches);
phone.addEventListener("change", () => {
  narrow.value = phone.matches;
  sidebarOpen.value = !phone.matches;
});

export const sidebarOpen = signal(!phone.matches);
export const settingsOpen = signal(false);

/** Whether fingers are what this device is used with: there the focus must not raise the keyboard unasked. */
export function touch() {
  return matchMedia("(hover: none) and (pointer: coarse)").matches;
}
