// The table of all models, with search, filters and an order. On a phone its rows are cards.

import { html, useEffect, useRef, useSignal } from "../vendor/core.js";
import { Icon } from "../icons.js";
import { models } from "../models.js";
import { t } from "../strings.js";
import { modalityText } from "./model_facts.js";
import { filterModels, ownersOf, modalitiesOf, sortModels } from "./model_order.js";
import { ModelTableRow } from "./model_table_row.js";

/** @typedef {import("./model_order.js").Order} Order */
/** @typedef {import("../strings.js").StringKey} StringKey */

// So many rows at first, and more as the end of them comes near: thousands at once would take a second to lay out.
const PAGE = 100;

/** @type {{by: Order["by"], label: StringKey, numeric: boolean}[]} */
const COLUMNS = [
  { by: "name", label: "models.name", numeric: false },
  { by: "context", label: "models.context", numeric: true },
  { by: "input", label: "models.inputPrice", numeric: true },
  { by: "output", label: "models.outputPrice", numeric: true },
];

export function ModelTable() {
  const query = useSignal("");
  const owner = useSignal("");
  const modality = useSignal("");
  const order = useSignal(/** @type {Order} */ ({ by: "listed", down: false }));
  const limit = useSignal(PAGE);
  const wanted = { query: query.value, owner: owner.value, modality: modality.value };
  const found = sortModels(filterModels(models.value, wanted), order.value);
  /** @param {() => void} set */
  const anew = (set) => {
    set();
    limit.value = PAGE;
  };
  return html`<div class="models-tools">
      <label class="search-box">
        <${Icon} name="search" />
        <input type="search" class="input" aria-label=${t("models.search")} placeholder=${t("models.search")}
          data-testid="models-search"
          onInput=${(/** @type {any} */ event) => anew(() => (query.value = event.currentTarget.value))} />
      </label>
      <${Filter} label=${t("models.anyProvider")} names=${ownersOf(models.value)} value=${owner.value}
        choose=${(/** @type {string} */ name) => anew(() => (owner.value = name))} />
      <${Filter} label=${t("models.anyModality")} names=${modalitiesOf(models.value)} value=${modality.value}
        textOf=${modalityText} choose=${(/** @type {string} */ name) => anew(() => (modality.value = name))} />
      <${SortChoice} order=${order} />
      <span class="models-count" role="status">${t("models.count", { count: found.length })}</span>
    </div>
    ${found.length === 0
      ? html`<p class="models-empty">${t("models.nothing")}</p>`
      : html`<table class="models-table">
          <thead>
            <tr>
              ${COLUMNS.map((column) => html`<${Heading} key=${column.by} column=${column} order=${order} />`)}
              <th scope="col">${t("models.abilities")}</th>
              <th scope="col"><span class="visually-hidden">${t("models.actions")}</span></th>
            </tr>
          </thead>
          <tbody>
            ${found.slice(0, limit.value).map((model) => html`<${ModelTableRow} key=${model.id} model=${model} />`)}
          </tbody>
        </table>`}
    ${found.length > limit.value &&
    html`<${More} left=${found.length - limit.value} show=${() => (limit.value += PAGE)} />`}`;
}

/**
 * @typedef {object} FilterProps
 * @property {string} label
 * @property {string[]} names
 * @property {string} value
 * @property {(name: string) => string} [textOf]
 * @property {(name: string) => void} choose
 */

/** @param {FilterProps} props */
function Filter({ label, names, value, textOf = (name) => name, choose }) {
  if (names.length < 2 && value === "") return null;
  return html`<select
    class="input select"
    aria-label=${label}
    value=${value}
    onChange=${(/** @type {any} */ event) => choose(event.currentTarget.value)}
  >
    <option value="">${label}</option>
    ${names.map((name) => html`<option key=${name} value=${name}>${textOf(name)}</option>`)}
  </select>`;
}

/** @param {{column: typeof COLUMNS[number], order: import("../vendor/core.js").Signal<Order>}} props */
function Heading({ column: { by, label, numeric }, order }) {
  const { value } = order;
  const sorted = value.by === by;
  return html`<th scope="col" class=${numeric ? "numeric" : undefined}
    aria-sort=${sorted ? (value.down ? "descending" : "ascending") : undefined}>
    <button type="button" class="sort-button" onClick=${() => (order.value = { by, down: sorted && !value.down })}>
      ${t(label)}<${Icon} name="expand" />
    </button>
  </th>`;
}

/** @param {{order: import("../vendor/core.js").Signal<Order>}} props For phones, where there are no headings. */
function SortChoice({ order }) {
  const { by, down } = order.value;
  /** @param {any} event */
  const choose = ({ currentTarget: { value } }) => {
    const [wanted, way] = value.split(" ");
    order.value = { by: wanted, down: way === "down" };
  };
  return html`<select
    class="input select models-sort"
    aria-label=${t("models.sort")}
    value=${`${by} ${down ? "down" : "up"}`}
    onChange=${choose}
  >
    <option value="listed up">${t("models.sortListed")}</option>
    <option value="name up">${t("models.sortName")}</option>
    <option value="input up">${t("models.sortPrice")}</option>
    <option value="context down">${t("models.sortContext")}</option>
  </select>`;
}

/** @param {{left: number, show: () => void}} props A button, for keys; whoever scrolls need not press it. */
function More({ left, show }) {
  const button = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    const near = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) show();
      },
      { rootMargin: "600px" },
    );
    near.observe(/** @type {HTMLElement} */ (button.current));
    return () => near.disconnect();
  }, [left]);
  return html`<button ref=${button} type="button" class="button models-more" onClick=${show}>
    ${t("models.more", { count: left })}
  </button>`;
}
