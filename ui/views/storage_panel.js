// What the browser keeps of the chats: how safe it is, how much room it takes, and its way out and in.

import { html, useEffect, useRef, useSignal } from "../vendor/core.js";
import { change, settings } from "../settings.js";
import { language, t } from "../strings.js";
import { askToPersist, health } from "../store/health.js";
import { exportAll, importAll } from "../store/transfer.js";
import { useChat } from "./context.js";
import { readBytes, readSince } from "./measures.js";
import { saveFile } from "./save_file.js";
import { WipeForm } from "./wipe_form.js";

/** @typedef {import("../store/health.js").Health} Health */

/** @typedef {import("../store/transfer.js").Imported} Imported */

/**
 * What an action came to, and what can be done about it.
 *
 * @typedef {{text: string, failed?: boolean, action?: {label: string, run: () => void}}} Result
 */

export function StoragePanel() {
  const panel = useStorage();
  const wiping = useSignal(false);
  const state = panel.health.value;
  return html`<div class="storage" data-testid="storage-panel">
    ${state !== null && html`<${Safety} state=${state} panel=${panel} /><${Room} state=${state} />`}
    <div class="storage-actions">
      <button
        type="button"
        class="button"
        disabled=${panel.busy.value}
        data-testid="export-button"
        onClick=${panel.exportEverything}
      >
        ${t("storage.export")}
      </button>
      <${ImportButton} panel=${panel} />
      <button
        type="button"
        class="button button-danger"
        disabled=${panel.busy.value}
        aria-expanded=${wiping.value}
        data-testid="wipe-button"
        onClick=${() => (wiping.value = !wiping.value)}
      >
        ${t("storage.wipe")}
      </button>
    </div>
    ${wiping.value &&
    html`<${WipeForm}
      onCancel=${() => (wiping.value = false)}
      onWipe=${async () => {
        wiping.value = false;
        await panel.wipe();
      }}
    />`}
    <${Outcome} result=${panel.result} />
  </div>`;
}

/** @typedef {ReturnType<typeof useStorage>} Panel */

/** What the panel shows and does. One action at a time; what it came to is said in place. */
function useStorage() {
  const chat = useChat();
  const state = useSignal(/** @type {Health | null} */ (null));
  const busy = useSignal(false);
  const result = useSignal(/** @type {Result | null} */ (null));
  const refresh = async () => {
    state.value = await health(chat.store);
  };
  useEffect(() => void refresh(), []);
  /** @param {() => Promise<Result>} action */
  const run = async (action) => {
    busy.value = true;
    result.value = null;
    try {
      result.value = await action();
    } catch (error) {
      result.value = { text: error instanceof Error ? error.message : String(error), failed: true };
    }
    busy.value = false;
    await refresh();
  };
  return { health: state, busy, result, ...actions(chat, run) };
}

/**
 * @param {import("../chat/chat.js").Chat} chat
 * @param {(action: () => Promise<Result>) => Promise<void>} run
 */
function actions(chat, run) {
  return {
    keep: () =>
      run(async () => {
        if (!(await askToPersist())) throw new Error(t("storage.keepRefused"));
        return { text: t("storage.keepGranted") };
      }),
    exportEverything: () =>
      run(async () => {
        const file = await exportAll(chat.store, settings.value);
        saveFile(file, `llms-chats-${new Date().toISOString().slice(0, 10)}.json`);
        return { text: t("storage.exported", { size: readBytes(file.size) }) };
      }),
    /** @param {File} file */
    importFrom: (file) =>
      run(async () => {
        const imported = await importAll(chat.store, file);
        await chat.reload();
        return importResult(imported);
      }),
    wipe: () =>
      run(async () => {
        if (chat.liveThreads.value.size > 0) throw new Error(t("storage.wipeBusy"));
        await chat.wipe();
        return { text: t("storage.wiped") };
      }),
  };
}

/**
 * @param {Imported} imported
 * @returns {Result} With a way to take over the file's settings: they are the person's choice, not part of the chats.
 */
function importResult({ threads, messages, skipped, copied, mended, settings: theirs }) {
  const counts = {
    threads: t("storage.threads", { count: threads }),
    messages: t("storage.messages", { count: messages }),
  };
  const parts = [
    t("storage.imported", counts),
    skipped > 0 && t("storage.skipped", { count: skipped }),
    copied > 0 && t("storage.copied", { count: copied }),
    mended > 0 && t("storage.mended", { count: mended }),
  ];
  const text = parts.filter(Boolean).join(" ");
  return theirs === null ? { text } : { text, action: { label: t("storage.useSettings"), run: () => change(theirs) } };
}

/** @param {{state: Health, panel: Panel}} props */
function Safety({ state, panel }) {
  const [kind, title, hint] = safety(state);
  return html`<div class=${`callout callout-${kind} storage-safety`}>
    <div>
      <p class="callout-title">${title}</p>
      <p>${hint}</p>
    </div>
    ${state.lasting &&
    state.persisted === false &&
    html`<button
      type="button"
      class="button"
      disabled=${panel.busy.value}
      data-testid="persist-button"
      onClick=${panel.keep}
    >
      ${t("storage.keep")}
    </button>`}
  </div>`;
}

/** @param {Health} state */
function safety({ lasting, persisted }) {
  if (!lasting) return ["danger", t("storage.fleeting"), t("storage.fleetingHint")];
  if (persisted === true) return ["success", t("storage.persisted"), t("storage.persistedHint")];
  if (persisted === false) return ["warning", t("storage.notPersisted"), t("storage.notPersistedHint")];
  return ["warning", t("storage.unknown"), t("storage.unknownHint")];
}

/** @param {{state: Health}} props */
function Room({ state: { usedBytes, quotaBytes, lastExport } }) {
  return html`<dl class="storage-facts">
    ${usedBytes !== null &&
    html`<div>
      <dt>${t("storage.used")}</dt>
      <dd><${Used} used=${usedBytes} quota=${quotaBytes} /></dd>
    </div>`}
    <div>
      <dt>${t("storage.lastExport")}</dt>
      <dd data-testid="last-export"><${Since} time=${lastExport} /></dd>
    </div>
  </dl>`;
}

/** @param {{used: number, quota: number | null}} props */
function Used({ used, quota }) {
  if (quota === null || quota === 0) return html`${readBytes(used)}`;
  return html`${t("storage.usedOf", { used: readBytes(used), quota: readBytes(quota) })}
    <meter min="0" max=${quota} high=${quota * 0.8} value=${used} aria-label=${t("storage.used")} />`;
}

/** @param {{time: number | null}} props */
function Since({ time }) {
  if (time === null) return html`${t("storage.never")}`;
  const date = new Date(time);
  return html`<time dateTime=${date.toISOString()} title=${date.toLocaleString(language)}>${readSince(time)}</time>`;
}

/** @param {{panel: Panel}} props */
function ImportButton({ panel }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  /** @param {Event & {currentTarget: HTMLInputElement}} event */
  const picked = ({ currentTarget }) => {
    const file = currentTarget.files?.[0];
    if (file !== undefined) panel.importFrom(file);
    currentTarget.value = ""; // so that the same file can be picked again
  };
  return html`<button type="button" class="button" disabled=${panel.busy.value} onClick=${() => input.current?.click()}>
      ${t("storage.import")}
    </button>
    <input ref=${input} type="file" accept=".json,application/json" hidden data-testid="import-file"
      onChange=${picked} />`;
}

/** @param {{result: import("../vendor/core.js").Signal<Result | null>}} props */
function Outcome({ result }) {
  const { value } = result;
  const act = () => {
    value?.action?.run();
    result.value = { text: t("storage.settingsUsed") };
  };
  return html`<div role="status" class="storage-result">
    ${value !== null &&
    html`<div class=${value.failed ? "callout callout-danger" : "callout callout-success"} data-testid="storage-result">
      <p>${value.text}</p>
      ${value.action && html`<button type="button" class="button" onClick=${act}>${value.action.label}</button>`}
    </div>`}
  </div>`;
}
