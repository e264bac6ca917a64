// What is loaded when it is first wanted.

import { lazy, loadStyles } from "./lazy.js";

export const CodeDialog = lazy(async () => (await import("./code_dialog.js")).CodeDialog);
export const KeyDialog = lazy(async () => (await import("./key_dialog.js")).KeyDialog);
export const KeysPage = gatewayPage(async () => (await import("../keys/page.js")).KeysPage);
export const LogsPage = gatewayPage(async () => (await import("../logs/page.js")).LogsPage);
export const MessageView = lazy(async () => (await import("./message.js")).MessageView);
export const ModelsPage = lazy(async () => (await import("./models_page.js")).ModelsPage);
export const SettingsDialog = lazy(async () => (await import("./settings_dialog.js")).SettingsDialog);
export const ThreadSettings = lazy(async () => (await import("./thread_settings.js")).ThreadSettings);
export const UsagePage = gatewayPage(async () => (await import("../usage/page.js")).UsagePage);

/**
 * A page of the gateway's own, with the style sheet that they share.
 *
 * @param {() => Promise<import("preact").FunctionComponent<{}>>} load
 */
function gatewayPage(load) {
  return lazy(async () => (await Promise.all([load(), loadStyles("styles/admin.css")]))[0]);
}

/** Load what the first question will want, once the page is there and has nothing better to do. */
export function loadAhead() {
  const load = () => {
    const parts = [import("./message.js"), import("../stream/run.js"), import("../stream/body.js")];
    Promise.all(parts).catch(() => {}); // Whoever wants one asks again, and says what is the matter.
  };
  if (typeof requestIdleCallback === "undefined") setTimeout(load, 200);
  else requestIdleCallback(load, { timeout: 1_000 });
}
