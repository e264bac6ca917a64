// What a thread sends beside its messages: the system prompt and the parameters. Saved while one types.

import { html, useEffect, useId, useRef, useSignal } from "../vendor/core.js";
import { t } from "../strings.js";
import { touch, useChat } from "./context.js";
import { Dialog } from "./dialog.js";
import { Field } from "./fields.js";
import { EFFORTS, NUMBERS, readParameters, textsOf } from "./parameters.js";

/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */
/** @typedef {import("./fields.js").ControlProps} ControlProps */
/** @typedef {import("./parameters.js").ParameterTexts} ParameterTexts */
/** @typedef {import("./parameters.js").NumberParameter} NumberParameter */

const SAVED_AFTER_MS = 400;

/** @param {{thread: OpenThread, open: import("../vendor/core.js").Signal<boolean>}} props */
export function ThreadSettings({ thread, open }) {
  return html`<${Dialog} open=${open} title=${t("parameters.title")} testid="thread-settings">
    <${Form} key=${thread.thread.value.id} thread=${thread} />
  <//>`;
}

/** @param {{thread: OpenThread}} props */
function Form({ thread }) {
  const { system, texts, problems, write, reset } = useForm(thread);
  const changed = Object.values(texts).some((text) => text !== "");
  return html`<section class="dialog-section">
      <${Field} label=${t("parameters.system")} hint=${t("parameters.systemHint")}>
        ${(/** @type {ControlProps} */ control) =>
          html`<textarea ...${control} class="input system-prompt" dir="auto" rows="5" value=${system}
            autofocus=${!touch()} data-testid="system-prompt"
            onInput=${(/** @type {any} */ event) => write({ system: event.currentTarget.value })}></textarea>`}
      <//>
    </section>
    <section class="dialog-section" role="group" aria-label=${t("parameters.heading")}>
      <div class="dialog-section-head">
        <h3>${t("parameters.heading")}</h3>
        <button type="button" class="text-button" disabled=${!changed} data-testid="reset-parameters" onClick=${reset}>
          ${t("parameters.reset")}
        </button>
      </div>
      <p class="section-hint">${t("parameters.headingHint")}</p>
      <div class="parameter-grid">
        ${NUMBERS.map(
          (parameter) => html`<${NumberField} key=${parameter.name} parameter=${parameter} text=${texts[parameter.name]}
            problem=${problems[parameter.name]} write=${write} />`,
        )}
        <${Effort} value=${texts.reasoning_effort} write=${write} />
        <${Field} label=${t("parameters.stop")} hint=${t("parameters.stopHint")} problem=${problems.stop}>
          ${(/** @type {ControlProps} */ control) =>
            html`<textarea ...${control} class="input input-code" rows="2" value=${texts.stop} spellcheck=${false}
              placeholder=${t("parameters.none")} data-testid="stop-sequences"
              onInput=${(/** @type {any} */ event) => write({ stop: event.currentTarget.value })}></textarea>`}
        <//>
      </div>
    </section>`;
}

/** @typedef {(written: Partial<ParameterTexts & {system: string}>) => void} Write */

/** @param {{parameter: NumberParameter, text: string, problem: string | undefined, write: Write}} props */
function NumberField({ parameter: { name, least }, text, problem, write }) {
  // A keyboard of digits has no minus on every phone.
  const keys = least < 0 ? "text" : "decimal";
  return html`<${Field} label=${t(`parameters.${name}`)} hint=${t(`parameters.${name}Hint`)} problem=${problem}>
    ${(/** @type {ControlProps} */ control) =>
      html`<input ...${control} class="input" inputmode=${keys} autocomplete="off" value=${text}
        placeholder=${t("parameters.default")} data-testid=${`parameter-${name}`}
        onInput=${(/** @type {any} */ event) => write({ [name]: event.currentTarget.value })} />`}
  <//>`;
}

/** @param {{value: string, write: Write}} props */
function Effort({ value, write }) {
  const list = useId();
  // A list to choose from that takes other words, too: providers invent new levels.
  return html`<${Field} label=${t("parameters.effort")} hint=${t("parameters.effortHint")}>
    ${(/** @type {ControlProps} */ control) =>
      html`<input ...${control} class="input" list=${list} autocomplete="off" value=${value}
          placeholder=${t("parameters.default")} data-testid="parameter-reasoning_effort"
          onInput=${(/** @type {any} */ event) => write({ reasoning_effort: event.currentTarget.value.trim() })} />
        <datalist id=${list}>${EFFORTS.map((effort) => html`<option key=${effort} value=${effort} />`)}</datalist>`}
  <//>`;
}

/**
 * What the form holds, and how it gets into the thread: a moment after the last key, and at once when the form closes.
 *
 * @param {OpenThread} thread
 */
function useForm(thread) {
  const chat = useChat();
  const { id } = thread.thread.peek();
  const system = useSignal(thread.thread.peek().system);
  const texts = useSignal(textsOf(thread.thread.peek().parameters));
  const timer = useRef(0);
  const { problems } = readParameters(texts.value, thread.thread.peek().parameters);
  const save = () => {
    clearTimeout(timer.current);
    timer.current = 0;
    const now = thread.thread.peek();
    const { parameters } = readParameters(texts.peek(), now.parameters);
    if (system.peek() !== now.system) chat.setSystem(id, system.peek());
    const changed = JSON.stringify(textsOf(parameters)) !== JSON.stringify(textsOf(now.parameters));
    if (changed) chat.setParameters(id, parameters);
  };
  useEffect(() => {
    addEventListener("pagehide", save);
    return () => {
      removeEventListener("pagehide", save);
      if (timer.current !== 0) save();
    };
  }, []);
  /** @type {Write} */
  const write = ({ system: prompt, ...written }) => {
    if (prompt !== undefined) system.value = prompt;
    texts.value = { ...texts.value, ...written };
    clearTimeout(timer.current);
    timer.current = setTimeout(save, SAVED_AFTER_MS);
  };
  const reset = () => write(textsOf({}));
  return { system: system.value, texts: texts.value, problems, write, reset };
}
