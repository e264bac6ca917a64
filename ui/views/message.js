// One message of a thread: what a person said, or an answer, coming or come.

import { html, useMemo, useState } from "../vendor/core.js";
import { t } from "../strings.js";
import { AnswerEnd } from "./answer_end.js";
import { EditForm } from "./edit_form.js";
import { Prose, useGrowth } from "./live_message.js";
import { Actions } from "./message_actions.js";
import { Pictures } from "./pictures.js";
import { Reasoning } from "./reasoning.js";
import { ToolCallView, isJson } from "./tool_call.js";
import { Trace } from "./trace.js";
import { UserText } from "./user_text.js";

/** @typedef {import("../chat/live.js").Live} Live */
/** @typedef {import("../chat/open_thread.js").OpenThread} OpenThread */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../types.js").Status} Status */

/**
 * @typedef {object} MessageProps
 * @property {OpenThread} open
 * @property {Message} message
 * @property {Live | null} live  Where it is the answer that is coming.
 * @property {boolean} ready  Whether its turn to be drawn has come; a long thread is drawn from its end.
 * @property {boolean} last  Of the branch that is shown.
 * @property {number} index  Among the versions.
 * @property {number} count  Of the versions.
 */

/** @param {MessageProps} props  Drawn anew only if one of them is another: a thread may hold hundreds. */
export function MessageView({ open, message, live, ready, last, index, count }) {
  return useMemo(() => {
    const props = { open, message, live, ready, last, index, count };
    return message.role === "user" ? html`<${UserMessage} ...${props} />` : html`<${Answer} ...${props} />`;
  }, [open, message, live, ready, last, index, count]);
}

/** @param {MessageProps} props */
function UserMessage({ open, message, ready, index, count }) {
  const [editing, setEditing] = useState(false);
  if (!ready) return html`<article class="message user-message" ref=${reserve(message)}></article>`;
  return html`<article class="message user-message" aria-label=${t("message.user")} ref=${reserve(message)}>
    ${editing
      ? html`<${EditForm} open=${open} message=${message} close=${() => setEditing(false)} />`
      : html`<${Pictures} pictures=${message.pictures} />
          ${message.content !== "" && html`<div class="bubble"><${UserText} text=${message.content} /></div>`}
          <${Actions} ...${{ open, message, index, count }} edit=${() => setEditing(true)} />`}
  </article>`;
}

/** @param {MessageProps} props */
function Answer({ open, message: row, live, ready, last, index, count }) {
  const [editing, setEditing] = useState(false);
  useGrowth(live);
  // A copy: what a live answer holds grows in place, and views are drawn anew for another object only.
  const message = live === null ? row : { ...live.message };
  const status = live?.status.value ?? row.status;
  const over = live === null && !coming(status);
  const name = t("message.assistant", { model: message.servedBy?.model || message.model });
  const frame = { class: "message assistant-message", "data-status": status, "data-last": last, ref: reserve(row) };
  if (!ready) return html`<article ...${frame}></article>`;
  if (editing) {
    return html`<article ...${frame} aria-label=${name}>
      <${EditForm} open=${open} message=${row} close=${() => setEditing(false)} />
    </article>`;
  }
  return html`<article ...${frame} aria-label=${name} aria-busy=${live !== null}>
    <${Reasoning} message=${message} live=${live} />
    ${message.tools.map((call, at) => html`<${ToolCallView} key=${at} call=${call} state=${toolState(message, at, status)} />`)}
    <${Prose} message=${message} live=${live} part="content" />
    ${message.pictures.length > 0 && html`<${Pictures} pictures=${message.pictures} />`}
    ${nothingYet(message, status) && html`<${Typing} />`}
    ${over && html`<${AnswerEnd} open=${open} message=${row} last=${last} />`}
    <div class="answer-foot">
      ${over &&
      html`<${Actions} ...${{ open, message: row, index, count }} edit=${() => setEditing(true)} />
        ${traced(row) && html`<${Trace} message=${row} />`}`}
    </div>
  </article>`;
}

/** Three dots that breathe; still ones where motion is not wanted. */
function Typing() {
  return html`<div class="typing" role="img" aria-label=${t("state.typing")}><span></span><span></span><span></span></div>`;
}

/** @param {Status} status */
function coming(status) {
  return status === "connecting" || status === "waiting" || status === "streaming";
}

/**
 * @param {Message} message
 * @param {Status} status
 */
function nothingYet({ content, reasoning, tools }, status) {
  return coming(status) && content === "" && reasoning === "" && tools.length === 0;
}

/** @param {Message} message  What a person wrote in an answer's place came from no provider. */
function traced({ timing, usage, servedBy }) {
  return timing !== null || usage !== null || servedBy !== null;
}

/**
 * @param {Message} message
 * @param {number} at
 * @param {Status} status
 */
function toolState({ tools, content, finish }, at, status) {
  const over = at < tools.length - 1 || finish !== null || content !== "" || status === "done";
  if (coming(status) && !over) return "coming";
  return status === "done" || over || isJson(tools[at].arguments) ? "complete" : "cut";
}

const LINE_PX = 26;
const FRAME_PX = 90;
const CHARACTERS_A_LINE = 90;

/**
 * How high a message is that was never drawn, so that the scrollbar is right before it is and nothing jumps after.
 *
 * @param {Message} message
 * @returns {(element: HTMLElement | null) => void}
 */
function reserve({ content }) {
  return (element) => {
    if (element === null || element.style.containIntrinsicSize !== "") return;
    let lines = content.length / CHARACTERS_A_LINE;
    for (let at = content.indexOf("\n"); at >= 0 && lines < 2000; at = content.indexOf("\n", at + 1)) lines += 0.7;
    element.style.containIntrinsicSize = `auto ${Math.round(FRAME_PX + lines * LINE_PX)}px`;
  };
}
