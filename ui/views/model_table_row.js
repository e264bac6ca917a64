// A row of the table of models.

import { html } from "../vendor/core.js";
import { t } from "../strings.js";
import { HOME, go } from "../router.js";
import { useChat } from "./context.js";
import { CopyButton } from "./copy_button.js";
import { Badges, contextText, priceText } from "./model_facts.js";

/** @typedef {import("../types.js").Model} Model */

/** @param {{model: Model}} props The labels are read where the headings are not in sight. */
export function ModelTableRow({ model }) {
  const { id, owner, context, price } = model;
  const exact = context === null ? undefined : t("tokens", { count: context });
  return html`<tr>
    <th scope="row" class="model-cell">
      <span class="model-line">
        <span class="model-name" dir="auto" title=${id}>${id}</span>
        <${CopyButton} text=${() => id} label=${t("models.copyName", { model: id })} />
      </span>
      ${owner !== "" && html`<span class="model-owner">${owner === "llms" ? t("picker.alias") : owner}</span>`}
    </th>
    <td class="numeric" data-label=${t("models.context")} title=${exact}>${contextText(context)}</td>
    <td class="numeric" data-label=${t("models.inputPrice")}>${priceText(price?.inputUsd)}</td>
    <td class="numeric" data-label=${t("models.outputPrice")}>${priceText(price?.outputUsd)}</td>
    <td class="abilities-cell"><${Badges} model=${model} /></td>
    <td class="chat-cell"><${ChatButton} model=${id} /></td>
  </tr>`;
}

/** @param {{model: string}} props */
function ChatButton({ model }) {
  const chat = useChat();
  const start = async () => {
    go(HOME);
    await chat.show(null);
    const opened = chat.open.value?.thread.value.id;
    if (opened !== undefined) await chat.setModel(opened, model);
  };
  return html`<button type="button" class="button" aria-label=${t("models.chatWith", { model })} onClick=${start}>
    ${t("models.chat")}
  </button>`;
}
