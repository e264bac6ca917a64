export * from "./src/answer.js";
export type { EventSourceMessage, EventSourceParser, ParseError } from "eventsource-parser";
export type { Token, Tokens, TokensList } from "marked";
