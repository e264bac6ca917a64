// A key's secret, the one time that it is shown.

import { html, useEffect, useRef } from "../vendor/core.js";
import { t } from "../admin/texts.js";
import { Icon } from "../icons.js";
import { CopyButton } from "../views/copy_button.js";

/** @param {{fresh: import("./actions.js").FreshKey, close: () => void}} props */
export function Secret({ fresh, close }) {
  const done = useRef(/** @type {HTMLButtonElement | null} */ (null));
  useEffect(() => {
    done.current?.focus(); // what had the focus is gone with the form
  }, []);
  return html`<div class="secret" data-testid="secret">
    <div class="callout callout-warning" role="alert">
      <${Icon} name="alert" />
      <p><strong>${t("secret.once")}</strong> ${t("secret.onceHint")}</p>
    </div>
    <div class="secret-box">
      <code data-testid="secret-text">${fresh.secret}</code>
      <${CopyButton} text=${() => fresh.secret} label=${t("secret.copy")} />
    </div>
    <p class="hint">${t("secret.use")}</p>
    <div class="dialog-actions">
      <button type="button" class="button button-primary" data-testid="secret-done" ref=${done} onClick=${close}>${t("secret.done")}</button>
    </div>
  </div>`;
}
