// Which endpoints a key may use: all, or some of those that there are.

import { html, useId } from "../vendor/core.js";
import { t } from "../admin/texts.js";

/** The dialects that the gateway speaks. One that a key has and this page does not know is shown, too. */
const KNOWN = ["chat.completions", "completions", "embeddings"];

/** @param {{chosen: string[], problem?: string, choose: (endpoints: string[]) => void}} props */
export function EndpointChoice({ chosen, problem, choose }) {
  const id = useId();
  const all = [...new Set([...KNOWN, ...chosen])];
  /** @param {string} name */
  const flip = (name) => {
    const next = chosen.includes(name) ? chosen.filter((other) => other !== name) : all.filter((other) => other === name || chosen.includes(other));
    choose(next);
  };
  return html`<fieldset class="field-group" aria-describedby=${`${id}-hint`}>
    <legend>${t("field.endpoints")}</legend>
    <p class="field-hint" id=${`${id}-hint`}>${t("field.endpointsHint")}</p>
    <div class="checks">
      ${all.map(
        (name) => html`<label class="check" key=${name}>
          <input type="checkbox" checked=${chosen.includes(name)} onChange=${() => flip(name)} />
          <code>${name}</code>
        </label>`,
      )}
    </div>
    ${problem && html`<p class="field-problem" role="alert">${problem}</p>`}
  </fieldset>`;
}
