export * from "./src/answer.js";
export type { Token, Tokens, TokensList } from "marked";
