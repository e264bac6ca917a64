// The settings: how answers come, how the page looks, the gateway's key, what the browser keeps, the keys to press.

import { html, useEffect, useSignal } from "../vendor/core.js";
import { me, loadMe } from "../me.js";
import { defaultModel, loadModels, models } from "../models.js";
import { askQuietly, identity, keyWanted, logOut } from "../session.js";
import { change, settings } from "../settings.js";
import { t } from "../strings.js";
import { Dialog } from "./dialog.js";
import { Choice, Field, readNumber, Toggle } from "./fields.js";
import { ModelPicker } from "./model_picker.js";
import { StoragePanel } from "./storage_panel.js";

/** @typedef {import("./fields.js").ControlProps} ControlProps */
/** @typedef {import("../strings.js").StringKey} StringKey */

/** @param {{open: import("../vendor/core.js").Signal<boolean>}} props */
export function SettingsDialog({ open }) {
  return html`<${Dialog} open=${open} title=${t("settings.title")} testid="settings-dialog">
    <${Section} title=${t("settings.answers")}>
      <${Answers} />
    <//>
    <${Section} title=${t("settings.look")}>
      <${Theme} />
    <//>
    <${Section} title=${t("settings.key")}>
      <${GatewayKey} />
    <//>
    <${Section} title=${t("storage.title")}>
      <${StoragePanel} />
    <//>
    <${Section} title=${t("settings.shortcuts")}>
      <${Shortcuts} />
    <//>
  <//>`;
}

/** @param {{title: string, children: import("../vendor/core.js").ComponentChildren}} props */
function Section({ title, children }) {
  return html`<section class="dialog-section">
    <h3>${title}</h3>
    ${children}
  </section>`;
}

function Answers() {
  const { stream, typeOn } = settings.value;
  return html`<${Toggle}
      label=${t("settings.stream")}
      hint=${t("settings.streamHint")}
      checked=${stream}
      onChange=${(/** @type {boolean} */ checked) => change({ stream: checked })}
      testid="stream-toggle"
    />
    <${Toggle}
      label=${t("settings.typeOn")}
      hint=${t("settings.typeOnHint")}
      checked=${typeOn}
      onChange=${(/** @type {boolean} */ checked) => change({ typeOn: checked })}
      testid="type-on-toggle"
    />
    <${LifeTimeout} />
    <${DefaultModel} />`;
}

// The bounds that a kept setting has to be within, too (settings.js).
const TIMEOUT = Object.freeze({ least: 1, most: 3600, whole: true });

/** What is typed is set as soon as it is a number that can be; until then the last one holds, and it says so. */
function LifeTimeout() {
  const text = useSignal(String(settings.value.lifeTimeoutS));
  const { least, most } = TIMEOUT;
  const problem = readNumber(text.value, TIMEOUT) === null ? t("settings.timeoutProblem", { least, most }) : "";
  /** @param {any} event */
  const typed = (event) => {
    text.value = event.currentTarget.value;
    const seconds = readNumber(text.value, TIMEOUT);
    if (seconds !== null) change({ lifeTimeoutS: seconds });
  };
  return html`<${Field} label=${t("settings.timeout")} hint=${t("settings.timeoutHint")} problem=${problem} beside>
    ${(/** @type {ControlProps} */ control) =>
      html`<input ...${control} class="input input-short" inputmode="numeric" autocomplete="off" value=${text.value}
          data-testid="timeout-input" onInput=${typed} />
        <span class="unit" aria-hidden="true">${t("settings.seconds")}</span>`}
  <//>`;
}

function DefaultModel() {
  const { model } = settings.value;
  const listed = models.value.length > 0;
  const first = listed ? t("settings.firstModelNow", { model: defaultModel.value }) : t("settings.firstModel");
  return html`<div class="field field-beside">
    <div class="field-text">
      <span class="field-name">${t("settings.model")}</span>
      <p class="field-hint">${t("settings.modelHint")}</p>
    </div>
    <div class="field-control">
      <${ModelPicker}
        value=${model}
        placeholder=${first}
        shortcut=${false}
        onChange=${(/** @type {string} */ chosen) => change({ model: chosen })}
      />
      ${model !== "" &&
      html`<button type="button" class="button button-quiet" onClick=${() => change({ model: "" })}>
        ${t("settings.modelReset")}
      </button>`}
    </div>
  </div>`;
}

function Theme() {
  return html`<${Choice}
    label=${t("settings.theme")}
    value=${settings.value.theme}
    options=${[
      { value: "system", label: t("settings.themeSystem") },
      { value: "light", label: t("settings.themeLight") },
      { value: "dark", label: t("settings.themeDark") },
    ]}
    onChange=${(/** @type {"system" | "light" | "dark"} */ theme) => change({ theme })}
  />`;
}

/** @typedef {"Given" | "Open" | "None"} Standing  Part of the names of its texts. */

function GatewayKey() {
  const { value } = me;
  const standing = /** @type {Standing} */ (value?.key ? "Given" : value?.open ? "Open" : "None");
  const name = value?.key?.name || value?.key?.prefix || value?.key?.id || "";
  useEffect(() => {
    loadMe(askQuietly).catch(() => {}); // Then it is not known who asks, and that is said.
  }, [identity.value]);
  return html`<div class="field field-beside">
    <div class="field-text">
      <span class="field-name">${t(`settings.key${standing}`, { name })}</span>
      <p class="field-hint">${t(`settings.key${standing}Hint`)}</p>
    </div>
    <div class="field-control">
      ${standing === "Given" &&
      html`<button type="button" class="button" data-testid="key-forget" onClick=${leave}>${t("settings.keyForget")}</button>`}
      <button type="button" class="button" data-testid="key-change" onClick=${() => (keyWanted.value = true)}>
        ${t(standing === "Given" ? "settings.keyChange" : "settings.keyGive")}
      </button>
    </div>
  </div>`;
}

async function leave() {
  await logOut();
  await loadModels();
}

const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

/** @type {{keys: string[], does: StringKey}[]} */
const SHORTCUTS = [
  { keys: ["↵"], does: "shortcut.send" },
  { keys: ["⇧", "↵"], does: "shortcut.line" },
  { keys: ["Esc"], does: "shortcut.stop" },
  { keys: [MAC ? "⌘" : "Ctrl", "K"], does: "shortcut.model" },
  { keys: [MAC ? "⌘" : "Ctrl", "⇧", "O"], does: "shortcut.new" },
];

function Shortcuts() {
  return html`<dl class="shortcuts">
    ${SHORTCUTS.map(
      ({ keys, does }) => html`<div key=${does}>
        <dt>${keys.map((name) => html`<kbd key=${name}>${name}</kbd>`)}</dt>
        <dd>${t(does)}</dd>
      </div>`,
    )}
  </dl>`;
}
