// Starts the page: storage, chat, router, views. Whatever goes wrong with that is said in the page, not only in the
// console.

import { createChat } from "./chat/chat.js";
import { loadModels } from "./models.js";
import { HOME, chatPath, followHistory, go, route, takeQuestion } from "./router.js";
import { followSettings } from "./settings.js";
import { openStore } from "./store/store.js";
import { language, t } from "./strings.js";
import { openChannel } from "./tabs/channel.js";
import { effect, html, render } from "./vendor/core.js";
import { App } from "./views/app.js";
import { PartMissing } from "./views/lazy.js";
import { tell } from "./views/notices.js";
import { loadAhead } from "./views/parts.js";

/** @typedef {import("./chat/chat.js").Chat} Chat */

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
start().catch(fail);

async function start() {
  document.documentElement.lang = language;
  followSettings();
  followHistory();
  tellUnexpected();
  const asked = takeQuestion();
  const store = await openStore();
  const chat = createChat({ store, channel: openChannel(store.name) });
  void loadModels();
  await chat.ready;
  await showRoute(chat);
  if (asked !== "") fillBox(chat, asked);
  root.replaceChildren();
  render(html`<${App} chat=${chat} />`, root);
  followRoute(chat);
  effect(() => {
    if (route.value.page === "chat") loadAhead(); // no other page has a question
  });
}

/**
 * Put what the address asks into the box, under what was written there: a link must not take that away.
 *
 * @param {Chat} chat
 * @param {string} asked
 */
function fillBox(chat, asked) {
  const open = chat.open.peek();
  const written = open?.draft.peek() ?? "";
  if (!written.endsWith(asked)) open?.setDraft(written === "" ? asked : `${written}\n\n${asked}`);
}

/** @param {Chat} chat */
async function showRoute(chat) {
  const wanted = route.peek();
  if (wanted.page !== "chat") return;
  if (wanted.thread === null || chat.threads.peek().some(({ id }) => id === wanted.thread)) return chat.show(wanted.thread);
  tell({ text: t("app.notFound") });
  go(HOME, { replace: true });
  await chat.show(null);
}

/**
 * The page shows what the address names; a new chat gets an address with its first message.
 *
 * @param {Chat} chat
 */
function followRoute(chat) {
  let first = true;
  effect(() => {
    void route.value;
    if (first) first = false;
    else showRoute(chat).catch(fail);
  });
  effect(() => {
    const id = chat.open.value?.thread.value.id;
    const here = route.peek();
    const kept = (/** @type {string} */ wanted) => chat.threads.value.some((thread) => thread.id === wanted);
    if (id === undefined || here.page !== "chat") return;
    if (here.thread === null && kept(id)) go(chatPath(id), { replace: true });
    // It was deleted, here or in another tab.
    if (here.thread !== null && here.thread !== id && !kept(here.thread)) go(HOME, { replace: true });
  });
}

/** What nobody has caught is said in a notice: the page goes on, but somebody should know. */
function tellUnexpected() {
  /** @param {unknown} error */
  const said = (error) => {
    if (error instanceof PartMissing) tell({ text: t("app.part"), code: "PART_MISSING", action: reloading(), lasting: true });
    else tell({ text: t("app.unexpected", { detail: wordsOf(error) }), code: "UNEXPECTED" });
  };
  addEventListener("error", (event) => {
    // No error: it says that what was observed changed again and is looked at in the next frame.
    if (!event.message.startsWith("ResizeObserver loop")) said(event.error ?? event.message);
  });
  addEventListener("unhandledrejection", (event) => said(event.reason));
}

function reloading() {
  return { label: t("app.reload"), run: () => location.reload() };
}

/**
 * The page could not be started. Plain DOM: what draws the page may be what is broken.
 *
 * @param {unknown} error
 */
function fail(error) {
  console.error(error);
  const [heading, how, detail, again] = ["h1", "p", "pre", "button"].map((name) => document.createElement(name));
  heading.textContent = t("app.failed");
  how.textContent = t("app.failed.how");
  detail.textContent = wordsOf(error);
  again.textContent = t("app.reload");
  again.className = "button button-primary";
  again.addEventListener("click", () => location.reload());
  const shown = document.createElement("div");
  shown.className = "start";
  shown.role = "alert";
  shown.append(heading, how, detail, again);
  root.replaceChildren(shown);
}

/** @param {unknown} error */
function wordsOf(error) {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
