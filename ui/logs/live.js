// Following the calls: a switch, what state it is in, and a pause for reading.

import { html, useEffect, useRef, useSignal } from "../vendor/core.js";
import { query, setQuery } from "../admin/query.js";
import { Trouble } from "../admin/states.js";
import { t } from "../admin/texts.js";
import { Icon } from "../icons.js";
import { identity } from "../session.js";
import { followCalls } from "./tail.js";

/** @param {{list: import("./list.js").List, wanted: Record<string, string | null>}} props */
export function Live({ list, wanted }) {
  const on = query().get("live") === "1";
  return html`<label class="check live-switch" title=${t("logs.liveHint")}>
      <input type="checkbox" class="toggle" checked=${on} data-testid="logs-live" onChange=${() => setQuery({ live: on ? null : "1" })} />
      ${t("logs.live")}
    </label>
    ${on && html`<${Following} list=${list} wanted=${wanted} />`}`;
}

/** @param {{list: import("./list.js").List, wanted: Record<string, string | null>}} props */
function Following({ list, wanted }) {
  const tail = useSignal(/** @type {ReturnType<typeof followCalls> | null} */ (null));
  const paused = useSignal(false);
  const held = useRef(paused);
  useEffect(() => {
    const started = followCalls({ ...wanted, since: null, until: null }, (calls) => list.add(calls, held.current.peek()));
    tail.value = started;
    return () => started.close();
  }, [list, identity.value]);
  const state = tail.value?.state.value ?? "connecting";
  useEffect(() => {
    // What ended between the list and the stream is in neither.
    if (state === "live" && !paused.peek()) void list.refresh();
  }, [state]);
  const waiting = list.waiting.value.length;
  const flip = () => {
    paused.value = !paused.value;
    if (!paused.value) list.release();
  };
  if (state === "ended") return html`<${Trouble} problem=${tail.value?.problem.value} again=${() => setQuery({ live: null })} />`;
  return html`<span class="live-state" data-state=${state} role="status"><span class="live-dot" aria-hidden="true"></span>${t(`logs.state.${state}`)}</span>
    <button type="button" class="button" aria-pressed=${paused.value} data-testid="logs-pause" onClick=${flip}>
      <${Icon} name=${paused.value ? "play" : "pause"} /> ${t(paused.value ? "logs.resume" : "logs.pause")}
      ${paused.value && waiting > 0 && html`<span class="badge">${t("logs.waiting", { count: waiting })}</span>`}
    </button>`;
}
