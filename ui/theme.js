// Runs before the first paint, so that a dark page never flashes white. Not a module: modules run too late.
try {
  document.documentElement.dataset.theme = JSON.parse(localStorage.getItem("llms.settings") || "{}").theme || "system";
} catch {
  // nothing kept, or nothing that can be read: the system's theme
}
