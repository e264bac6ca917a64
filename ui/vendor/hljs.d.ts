export { hljs } from "./src/hljs.js";
export type { HighlightResult } from "highlight.js";
