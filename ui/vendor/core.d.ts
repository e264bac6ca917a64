export * from "./src/core.js";
export type { EventSourceMessage, EventSourceParser, ParseError } from "eventsource-parser";
export type { DBSchema, IDBPDatabase, IDBPObjectStore, IDBPTransaction } from "idb";
export type { Token, Tokens, TokensList } from "marked";
export type { ComponentChild, ComponentChildren, FunctionComponent, Ref, RefObject, TargetedEvent, VNode } from "preact";
export type { ReadonlySignal, Signal } from "@preact/signals";
