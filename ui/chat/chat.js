// The chat: all threads, the one that is shown, and what the tabs tell each other about them. Built once by `main.js`;
// the views read its signals and call it. It knows no view and no document.

import { signal } from "../vendor/core.js";
import { forgetLastWords } from "../store/last_words.js";
import { t } from "../strings.js";
import { createOpenThread } from "./open_thread.js";
import { createParts } from "./parts.js";
import { createRemoval } from "./removal.js";
import { searchThreads } from "./search.js";

/** @typedef {import("../tabs/channel.js").TabMessage} TabMessage */
/** @typedef {import("../types.js").Parameters} Parameters */
/** @typedef {import("../types.js").Thread} Thread */
/** @typedef {import("./open_thread.js").Opened} Opened */
/** @typedef {import("./open_thread.js").OpenThread} OpenThread */
/** @typedef {import("./parts.js").Parts} Parts */
/** @template T @typedef {import("../vendor/core.js").ReadonlySignal<T>} ReadonlySignal */

/**
 * @typedef {object} Chat
 * @property {import("../store/store.js").Store} store
 * @property {Promise<void>} ready  The threads are loaded.
 * @property {ReadonlySignal<Thread[]>} threads  Pinned ones first, then those that were used last.
 * @property {ReadonlySignal<OpenThread | null>} open  What the page shows.
 * @property {ReadonlySignal<ReadonlySet<string>>} liveThreads  In which of them an answer is coming, in any tab.
 * @property {ReadonlySignal<import("./notices.js").Notice[]>} notices
 * @property {(id: number) => void} dismiss
 * @property {(id: string | null) => Promise<void>} show  `null`: a new thread, which gets its row with its first
 *   message. The last one that was asked for is the one that is shown.
 * @property {(id: string, title: string) => Promise<void>} rename
 * @property {(id: string, pinned: boolean) => Promise<void>} pin
 * @property {(id: string) => Promise<void>} remove  Can be undone for a while.
 * @property {(id: string, model: string) => Promise<void>} setModel
 * @property {(id: string, system: string) => Promise<void>} setSystem
 * @property {(id: string, parameters: Parameters) => Promise<void>} setParameters
 * @property {(text: string, signal?: AbortSignal) => Promise<import("./search.js").Found[]>} search
 * @property {() => Promise<void>} reload  The rows are others now (an import, a wipe): read them again, in all tabs.
 * @property {() => Promise<void>} wipe  Delete everything for good, what is written and not sent among it.
 * @property {() => Promise<void>} close  As if the page were: an answer that is coming is left to another tab.
 */

const TITLE_CHARACTERS = 200;

/**
 * @param {import("./parts.js").Given} given
 * @returns {Chat}
 */
export function createChat(given) {
  const parts = createParts(given, (thread) => opened.get(thread)?.lost());
  const { store, channel, threads, notices, presence, keeper } = parts;
  const removal = createRemoval(parts);
  const opened = createOpened(parts);
  const ready = threads.load().then(removal.sweep);
  const release = [channel.onMessage(receive), followPage(parts, opened)];
  channel.post({ type: "who" });

  /** @param {string | null} id */
  async function show(id) {
    await ready;
    const row = id === null ? null : threads.get(id);
    if (row && row.deleted === null) return opened.show(row);
    if (id !== null) notices.add({ code: "THREAD_MISSING", text: t("app.notFound") });
    await opened.show(null);
  }

  /** @param {string} id */
  async function remove(id) {
    const row = threads.listed.peek().find((thread) => thread.id === id);
    if (!row) return;
    const shown = opened.shown() === id;
    opened.get(id)?.receive({ type: "stop", thread: id });
    const marked = removal.remove(row, () => {
      if (shown && threads.unsaid(opened.shown() ?? "")) show(id);
    });
    if (shown) await show(null);
    await marked;
  }

  /** @param {TabMessage} message */
  function receive(message) {
    if (message.type === "changed") return void refresh(message.threads);
    if (message.type === "live") presence.heard(message.thread);
    if (message.type === "ended") presence.ended(message.thread);
    if (message.type === "who") opened.all().forEach((thread) => thread.receive(message));
    else opened.get(message.thread)?.receive(message);
  }

  /** @param {string[] | null} ids  `null`: anything may have changed. */
  async function refresh(ids) {
    await (ids === null ? threads.load() : threads.refresh(ids));
    for (const thread of opened.all()) thread.keepDraft();
    for (const thread of opened.all()) if (ids === null || ids.includes(thread.id)) await reread(thread);
  }

  /** @param {Opened} thread */
  async function reread(thread) {
    if (threads.get(thread.id)?.deleted === null) return thread.reload();
    thread.receive({ type: "stop", thread: thread.id });
    if (opened.shown() === thread.id) await opened.show(null);
  }

  async function reload() {
    await refresh(null);
    channel.post({ type: "changed", threads: null });
  }

  return {
    store,
    ready,
    threads: threads.listed,
    open: opened.view,
    liveThreads: presence.liveThreads,
    notices: notices.notices,
    dismiss: notices.dismiss,
    show,
    remove,
    rename: (id, title) => threads.update(id, { title: title.replace(/\s+/g, " ").trim().slice(0, TITLE_CHARACTERS) }),
    pin: (id, pinned) => threads.update(id, { pinned }),
    setModel: (id, model) => threads.update(id, { model }),
    setSystem: (id, system) => threads.update(id, { system }),
    setParameters: (id, parameters) => threads.update(id, { parameters }),
    search: (text, aborted) => searchThreads(parts, text, aborted),
    reload,
    async wipe() {
      for (const { view } of opened.all()) {
        view.setDraft("");
        view.pictures.value = [];
      }
      keeper.forget(null);
      await store.wipe();
      forgetLastWords(null);
      await show(null);
      await reload();
    },
    async close() {
      for (const end of release) end();
      removal.close();
      await opened.close();
      parts.close();
    },
  };
}

/**
 * The threads that are open, among them the one that is shown.
 *
 * @param {Parts} parts
 */
function createOpened(parts) {
  const { threads } = parts;
  /** @type {Map<string, Opened>} */
  const all = new Map();
  /** @type {import("../vendor/core.js").Signal<OpenThread | null>} */
  const view = signal(null);
  /** @type {Opened | null} */
  let current = null;
  /** @type {Opened | null} */
  let wanted = null;

  /** @param {Thread | null} row */
  function open(row) {
    const known = row ? all.get(row.id) : [...all.values()].find(({ id }) => threads.unsaid(id));
    if (known) return known;
    const made = createOpenThread(parts, row ?? threads.create(), { fresh: row === null });
    all.set(made.id, made);
    return made;
  }

  function closeIdle() {
    for (const thread of all.values()) {
      if (thread === current || thread === wanted || threads.unsaid(thread.id) || !thread.idle()) continue;
      all.delete(thread.id);
      thread.close();
    }
  }

  return {
    view,
    all: () => [...all.values()],
    /** @param {string} id */
    get: (id) => all.get(id),
    shown: () => current?.id ?? null,

    /** @param {Thread | null} row */
    async show(row) {
      const next = open(row);
      wanted = next;
      await next.load();
      if (wanted !== next) return closeIdle();
      const before = current;
      current = next;
      view.value = next.view;
      if (before !== next) before?.leave();
      closeIdle();
      await next.enter();
    },

    async close() {
      await Promise.all([...all.values()].map((thread) => thread.close()));
      all.clear();
    },
  };
}

/**
 * A page that is left lets go of its answers before the browser breaks their connections, which must not count as a
 * failure. Should it come back (from the cache of the back button), it looks what has become of them.
 *
 * @param {Parts} parts
 * @param {ReturnType<typeof createOpened>} opened
 */
function followPage({ threads }, opened) {
  const leave = () => opened.all().forEach((thread) => thread.abandon());
  /** @param {PageTransitionEvent} event */
  const comeBack = async (event) => {
    if (!event.persisted) return;
    await threads.load();
    await Promise.all(opened.all().map((thread) => thread.reload()));
    await opened.get(opened.shown() ?? "")?.enter();
  };
  addEventListener("pagehide", leave);
  addEventListener("pageshow", comeBack);
  return () => {
    removeEventListener("pagehide", leave);
    removeEventListener("pageshow", comeBack);
  };
}
