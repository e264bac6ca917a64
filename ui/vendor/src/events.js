// Loaded with the first stream, of an answer or of the log: the parser of its events.

export { createParser } from "eventsource-parser";
