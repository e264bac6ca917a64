// One call, over the list: how it ended, what was tried, where its time went, what it used and cost, and what was said
// where its key keeps that.

import { html, useSignal, useSignalEffect } from "../vendor/core.js";
import { useLoaded } from "../admin/asked.js";
import { keyName } from "../admin/names.js";
import { Nothing, Trouble, Waiting } from "../admin/states.js";
import { t } from "../admin/texts.js";
import { fullTime, number, size, span } from "../admin/written.js";
import { Icon } from "../icons.js";
import { callPath, follow, go, LOGS } from "../router.js";
import { ask, Refusal } from "../session.js";
import { CopyButton } from "../views/copy_button.js";
import { Dialog } from "../views/dialog.js";
import { Attempts, Bodies } from "./call_parts.js";
import { Status } from "./status.js";
import { Cost } from "./table.js";
import { speedOf } from "./timing.js";
import { TimingBar } from "./timing_bar.js";

/** @typedef {import("../admin/shapes.js").Call} Call */
/** @typedef {import("../admin/shapes.js").CallWithBody} CallWithBody */
/** @typedef {import("../admin/shapes.js").Key} Key */
/** @typedef {import("../vendor/core.js").ComponentChildren} ComponentChildren */

/** @param {{id: string, rows: Call[], keys: Map<string, Key>, search: string}} props */
export function CallDialog({ id, rows, keys, search }) {
  const open = useSignal(true);
  useSignalEffect(() => {
    if (!open.value) go(LOGS + location.search);
  });
  const asked = useLoaded(id, (signal) => callOf(id, signal));
  // While the next one is on its way, the one before is not shown for it.
  const call = asked.data?.id === id ? asked.data : null;
  const missing = asked.problem instanceof Refusal && asked.problem.status === 404;
  return html`<${Dialog} open=${open} title=${t("call.title")} size="large" testid="call-dialog">
    <div class="call-head">
      <code class="call-id" data-testid="call-id">${id}</code>
      <${CopyButton} text=${() => id} label=${t("call.copyId", { id })} />
      <span class="call-steps"><${Steps} id=${id} rows=${rows} search=${search} /></span>
    </div>
    ${call !== null
      ? html`<${Detail} call=${call} keys=${keys} />`
      : missing
        ? html`<${Nothing} icon="search" title=${t("state.missing")} text=${t("call.missing")}>
            <button type="button" class="button" onClick=${asked.again}>${t("state.again")}</button>
          <//>`
        : asked.problem !== null && !asked.loading
          ? html`<${Trouble} problem=${asked.problem} again=${asked.again} />`
          : html`<${Waiting} />`}
  <//>`;
}

const TRIES = 5;
const PAUSE_MS = 600;
/** No longer than that a call takes as a rule; an older one that is not there will not come. */
const RECENT_MS = 900_000;

/**
 * Ask for a call. One that has just ended may not be written yet: then it is asked for again, for two seconds or three.
 *
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<CallWithBody>}
 */
async function callOf(id, signal) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask(`/admin/v1/calls/${encodeURIComponent(id)}`, { signal });
    } catch (error) {
      const fresh = tries < TRIES && Date.now() - beganAt(id) < RECENT_MS;
      if (!(error instanceof Refusal && error.status === 404 && fresh) || signal.aborted) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/**
 * @param {string} id
 * @returns {number} When the call came in, which the first digits of its id say; NaN where they do not.
 */
function beganAt(id) {
  return Number.parseInt(/^req_([0-9a-f]{11})/.exec(id)?.[1] ?? "", 16);
}

/** @param {{id: string, rows: Call[], search: string}} props  To the calls before and after it in the list. */
function Steps({ id, rows, search }) {
  const at = rows.findIndex((row) => row.id === id);
  const newer = at > 0 ? rows[at - 1] : undefined;
  const older = at >= 0 ? rows[at + 1] : undefined;
  return html`<${Step} to=${newer} label=${t("call.newer")} icon="back" search=${search} />
    <${Step} to=${older} label=${t("call.older")} icon="forward" search=${search} />`;
}

/** @param {{to: Call | undefined, label: string, icon: "back" | "forward", search: string}} props */
function Step({ to, label, icon, search }) {
  if (to === undefined) return html`<button type="button" class="icon-button" disabled aria-label=${label}><${Icon} name=${icon} /></button>`;
  return html`<a class="icon-button" href=${callPath(to.id) + search} title=${label} aria-label=${label} onClick=${follow}><${Icon} name=${icon} /></a>`;
}

/** @param {{call: CallWithBody, keys: Map<string, Key>}} props */
function Detail({ call, keys }) {
  return html`<p class="call-line">
      <${Status} call=${call} /> <time datetime=${new Date(call.at).toISOString()}>${fullTime(call.at)}</time>
    </p>
    <${Facts} call=${call} keys=${keys} />
    <${Numbers} call=${call} />
    <${TimingBar} call=${call} />
    <${Attempts} attempts=${call.attempts} />
    <${Bodies} body=${call.body} />`;
}

/** @param {{call: Call, keys: Map<string, Key>}} props */
function Facts({ call, keys }) {
  const { model, provider, target, api, stream, key_id: keyId, team, finish_reason: finish } = call;
  const answered = provider ? `${provider}/${target || model}` : t("call.nobody");
  return html`<dl class="facts">
    <${Fact} name=${t("logs.model")}>${model || "–"}<//>
    <${Fact} name=${t("call.answered")}>${answered}<//>
    <${Fact} name=${t("call.endpoint")}>${stream ? t("call.streamed", { api }) : api}<//>
    <${Fact} name=${t("call.key")}>${keyId ? keyName(keyId, keys) : t("logs.noKey")}<//>
    ${team && html`<${Fact} name=${t("call.team")}>${team}<//>`}
    ${finish && html`<${Fact} name=${t("call.finish")}><code>${finish}</code><//>`}
  </dl>`;
}

/** @param {{name: string, children: ComponentChildren}} props */
function Fact({ name, children }) {
  return html`<div><dt>${name}</dt><dd dir="auto">${children}</dd></div>`;
}

/** @param {{call: Call}} props */
function Numbers({ call }) {
  const speed = speedOf(call);
  const input = [
    call.cached_tokens > 0 ? t("call.cached", { count: number(call.cached_tokens) }) : "",
    call.cache_write_tokens > 0 ? t("call.written", { count: number(call.cache_write_tokens) }) : "",
  ];
  const output = [call.reasoning_tokens > 0 ? t("call.reasoning", { count: number(call.reasoning_tokens) }) : ""];
  const counted = call.counted === "exact" ? "" : t(`call.counted.${call.counted}`);
  const tokens = (/** @type {number} */ count) => (call.counted === "none" ? "–" : number(count));
  return html`<dl class="cards call-cards">
    <${Card} name=${t("call.duration")} value=${span(call.duration_us / 1000)} />
    <${Card} name=${t("call.firstByte")} value=${call.first_byte_us === null ? "–" : span(call.first_byte_us / 1000)} />
    ${speed !== null && html`<${Card} name=${t("call.speed")} value=${t("call.speedValue", { value: number(Math.round(speed)) })} />`}
    <${Card} name=${t("call.cost")} value=${html`<${Cost} call=${call} />`} />
    <${Card} name=${t("call.input")} value=${tokens(call.input_tokens)} more=${[...input, counted]} />
    <${Card} name=${t("call.output")} value=${tokens(call.output_tokens)} more=${[...output, counted]} />
    <${Card} name=${t("call.bytes")} value=${size(call.bytes_out)} more=${[t("call.bytesIn", { size: size(call.bytes_in) })]} />
    <${Card} name=${t("call.chunks")} value=${number(call.chunks)} />
  </dl>`;
}

/** @param {{name: string, value: ComponentChildren, more?: string[]}} props */
function Card({ name, value, more = [] }) {
  const text = more.filter(Boolean).join(" · ");
  return html`<div class="card"><dt>${name}</dt><dd class="card-value">${value}</dd>${text && html`<dd class="card-more">${text}</dd>`}</div>`;
}
