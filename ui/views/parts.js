// What is loaded when it is first wanted.

import { lazy } from "./lazy.js";

export const CodeDialog = lazy(async () => (await import("./code_dialog.js")).CodeDialog);
export const KeyDialog = lazy(async () => (await import("./key_dialog.js")).KeyDialog);
export const ModelsPage = lazy(async () => (await import("./models_page.js")).ModelsPage);
export const SettingsDialog = lazy(async () => (await import("./settings_dialog.js")).SettingsDialog);
export const ThreadSettings = lazy(async () => (await import("./thread_settings.js")).ThreadSettings);
