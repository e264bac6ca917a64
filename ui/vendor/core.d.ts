export * from "./src/core.js";
export type { DBSchema, IDBPDatabase, IDBPObjectStore, IDBPTransaction } from "idb";
export type { ComponentChild, ComponentChildren, FunctionComponent, Ref, RefObject, TargetedEvent, VNode } from "preact";
export type { ReadonlySignal, Signal } from "@preact/signals";
