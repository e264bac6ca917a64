// What the whole page loads first: rendering, signals, the Markdown lexer, the stream parser and the database wrapper.

export { batch, computed, effect, signal, untracked, useComputed, useSignal, useSignalEffect } from "@preact/signals";
export { createParser } from "eventsource-parser";
export { html } from "htm/preact";
export { deleteDB, openDB, unwrap } from "idb";
export { Lexer, Tokenizer } from "marked";
export { createContext, Fragment, h, render } from "preact";
export {
  useCallback,
  useContext,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "preact/hooks";
export { default as remend } from "remend";
