// The page of the log: the calls that have ended, newest first, narrowed by what the address says; one of them opened over
// the list.

import { html, useEffect, useMemo, useRef } from "../vendor/core.js";
import { useKeys, useNames } from "../admin/names.js";
import { DAY_MS } from "../admin/period.js";
import { query } from "../admin/query.js";
import { GatewayPage, Nothing, Trouble, Waiting } from "../admin/states.js";
import { t } from "../admin/texts.js";
import { route } from "../router.js";
import { identity } from "../session.js";
import { CallDialog } from "./call_dialog.js";
import { createList, MOST_ROWS } from "./list.js";
import { Live } from "./live.js";
import { CallTable } from "./table.js";
import { CallFilters, CsvLink } from "./tools.js";
import { NARROWING, wantedCalls } from "./wanted.js";

/** @typedef {import("./list.js").List} List */

/** So far back the names are looked for that there are to choose from. */
const NAMED_DAYS = 30;

export function LogsPage() {
  return html`<${GatewayPage} name="logs">${() => html`<${Log} />`}<//>`;
}

function Log() {
  const here = query();
  const narrowing = JSON.stringify(NARROWING.map((name) => here.get(name)));
  const by = identity.value;
  const { wanted, list } = useMemo(() => {
    const asked = wantedCalls(query(), Date.now());
    return { wanted: asked, list: createList(asked) };
  }, [narrowing, by]);
  useEffect(() => {
    void list.more();
    return () => list.close();
  }, [list]);
  const keys = useKeys();
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const names = useNames(today - NAMED_DAYS * DAY_MS, today + DAY_MS);
  const opened = route.value.page === "logs" ? route.value.call : null;
  const search = here.size === 0 ? "" : `?${here}`;
  return html`<div class="admin-row logs-row">
      <${Live} list=${list} wanted=${wanted} />
      <${CsvLink} wanted=${wanted} />
      <${CallFilters} names=${names} keys=${keys} />
    </div>
    <${Calls} list=${list} keys=${keys} search=${search} narrowed=${NARROWING.some((name) => here.has(name))} />
    ${opened !== null && html`<${CallDialog} id=${opened} rows=${list.rows.value} keys=${keys} search=${search} />`}`;
}

/** @param {{list: List, keys: Map<string, import("../admin/shapes.js").Key>, search: string, narrowed: boolean}} props */
function Calls({ list, keys, search, narrowed }) {
  const rows = list.rows.value;
  const over = list.loaded.value && list.next.value === null;
  const trouble = list.problem.value;
  const full = rows.length >= MOST_ROWS;
  return html`${rows.length > 0 && html`<${CallTable} rows=${rows} keys=${keys} search=${search} />`}
    ${trouble !== null && html`<${Trouble} problem=${trouble} again=${list.more} />`}
    ${rows.length === 0 && over && trouble === null && html`<${Nothing} icon="list" title=${t(narrowed ? "logs.nothing" : "logs.none")} text=${t(narrowed ? "logs.nothingHint" : "logs.noneHint")} />`}
    ${list.loading.value && html`<${Waiting} />`}
    ${rows.length > 0 && full && html`<p class="logs-end">${t("logs.most")}</p>`}
    ${rows.length > 0 && over && !full && html`<p class="logs-end">${t("logs.end")}</p>`}
    ${!over && !full && list.loaded.value && !list.loading.value && trouble === null && html`<${More} list=${list} count=${rows.length} />`}`;
}

/** @param {{list: List, count: number}} props  A button, for keys; whoever scrolls need not press it. */
function More({ list, count }) {
  const button = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (count === 0) return undefined; // nothing has fitted so far: going on is a person's choice
    const near = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) void list.more();
      },
      { rootMargin: "400px" },
    );
    near.observe(/** @type {HTMLElement} */ (button.current));
    return () => near.disconnect();
  }, [list, count]);
  return html`<button ref=${button} type="button" class="button models-more" data-testid="logs-more" onClick=${() => list.more()}>
    ${t(count === 0 ? "logs.further" : "logs.more")}
  </button>`;
}
