// A tool that the model asks for: shown, never run.

import { html, useState } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { t } from "../strings.js";

/** @typedef {import("../types.js").ToolCall} ToolCall */

/** @param {{call: ToolCall, state: "coming" | "complete" | "cut"}} props */
export function ToolCallView({ call, state }) {
  const [open, setOpen] = useState(false);
  return html`<details
    class="aside tool-call"
    onToggle=${(/** @type {Event} */ event) => setOpen(/** @type {HTMLDetailsElement} */ (event.currentTarget).open)}
  >
    <summary>
      <${Icon} name="tool" />
      <code>${call.name || t("tool.unnamed")}</code>
      <span class="tool-state" data-state=${state}>${t(STATES[state])}</span>
      <${Icon} name="forward" />
    </summary>
    ${open &&
    html`<div class="aside-body">
      ${call.arguments.trim() === "" ? html`<p>${t("tool.none")}</p>` : html`<pre><code>${shown(call, state)}</code></pre>`}
      <p class="hint">${t("tool.notRun")}</p>
    </div>`}
  </details>`;
}

const STATES = /** @type {const} */ ({ coming: "tool.coming", complete: "tool.complete", cut: "tool.cut" });

/**
 * @param {ToolCall} call
 * @param {"coming" | "complete" | "cut"} state
 */
function shown(call, state) {
  return state === "complete" && isJson(call.arguments) ? indented(call.arguments) : call.arguments;
}

/** @param {string} text */
export function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const INDENT = "  ";

/**
 * Break JSON into lines. Its values stay as they are written: read and written again, a long number would be another.
 *
 * @param {string} json
 */
export function indented(json) {
  let depth = 0;
  const line = () => `\n${INDENT.repeat(depth)}`;
  const tokens = json.match(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g) ?? [];
  return tokens
    .map((token, index) => {
      if (token === "{" || token === "[") {
        depth += 1;
        return tokens[index + 1] === "}" || tokens[index + 1] === "]" ? token : token + line();
      }
      if (token === "}" || token === "]") {
        depth -= 1;
        return tokens[index - 1] === "{" || tokens[index - 1] === "[" ? token : line() + token;
      }
      if (token === ",") return token + line();
      return token === ":" ? ": " : token;
    })
    .join("");
}
