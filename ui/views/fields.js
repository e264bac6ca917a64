// What the dialogs' forms are made of: a control with its label, a hint, and what is wrong with what it holds.

import { html, useId } from "../vendor/core.js";

/** @typedef {import("../vendor/core.js").ComponentChildren} ComponentChildren */

/**
 * What a control needs to belong to its label, hint and problem.
 *
 * @typedef {{id: string, "aria-describedby": string | undefined, "aria-invalid": boolean | undefined}} ControlProps
 */

/**
 * @typedef {object} FieldProps
 * @property {string} label
 * @property {string} [hint]
 * @property {string} [problem]  A sentence; empty where nothing is wrong.
 * @property {boolean} [beside]  The control stands at the end of the label's line instead of under it.
 * @property {(control: ControlProps) => ComponentChildren} children
 */

/** @param {FieldProps} props */
export function Field({ label, hint = "", problem = "", beside = false, children }) {
  const id = useId();
  const described = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ");
  const control = { id, "aria-describedby": described || undefined, "aria-invalid": problem ? true : undefined };
  return html`<div class=${beside ? "field field-beside" : "field"}>
    <div class="field-text">
      <label for=${id}>${label}</label>
      ${hint && html`<p class="field-hint" id=${`${id}-hint`}>${hint}</p>`}
    </div>
    <div class="field-control">${children(control)}</div>
    ${problem && html`<p class="field-problem" id=${`${id}-problem`} role="alert">${problem}</p>`}
  </div>`;
}

/**
 * @typedef {object} ToggleProps
 * @property {string} label
 * @property {string} hint
 * @property {boolean} checked
 * @property {(checked: boolean) => void} onChange
 * @property {string} [testid]
 */

/** @param {ToggleProps} props */
export function Toggle({ label, hint, checked, onChange, testid }) {
  return html`<${Field} label=${label} hint=${hint} beside>
    ${(/** @type {ControlProps} */ control) =>
      html`<input
        ...${control}
        type="checkbox"
        class="toggle"
        checked=${checked}
        data-testid=${testid}
        onChange=${(/** @type {any} */ event) => onChange(event.currentTarget.checked)}
      />`}
  <//>`;
}

/**
 * @typedef {object} ChoiceProps
 * @property {string} label
 * @property {string} value
 * @property {{value: string, label: string}[]} options
 * @property {(value: string) => void} onChange
 */

/** @param {ChoiceProps} props A few options, all in sight. */
export function Choice({ label, value, options, onChange }) {
  const name = useId();
  return html`<fieldset class="field field-beside choice">
    <legend class="visually-hidden">${label}</legend>
    <div class="field-text" aria-hidden="true"><span class="field-name">${label}</span></div>
    <div class="field-control segments">
      ${options.map(
        (option) => html`<label class="segment" key=${option.value}>
          <input
            type="radio"
            class="visually-hidden"
            name=${name}
            value=${option.value}
            checked=${option.value === value}
            onChange=${() => onChange(option.value)}
          />
          <span>${option.label}</span>
        </label>`,
      )}
    </div>
  </fieldset>`;
}

/**
 * Read a number as people write it.
 *
 * @param {string} text
 * @param {{least: number, most: number, whole: boolean}} range
 * @returns {number | null} Null where it is none, or out of range.
 */
export function readNumber(text, { least, most, whole }) {
  const written = text.trim().replace(/^([+-]?\d*),(\d+)$/, "$1.$2"); // half the world writes 0,7
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(written)) return null;
  const value = Number(written);
  return value >= least && value <= most && !(whole && !Number.isSafeInteger(value)) ? value : null;
}
