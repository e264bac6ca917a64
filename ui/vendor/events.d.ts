export * from "./src/events.js";
export type { EventSourceMessage, EventSourceParser, ParseError } from "eventsource-parser";
