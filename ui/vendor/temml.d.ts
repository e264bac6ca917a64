export { temml } from "./src/temml.js";
export type { Options } from "temml";
