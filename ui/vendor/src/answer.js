// Loaded for the first answer: the parser of its stream, the Markdown lexer, and what closes unfinished Markdown.

export { createParser } from "eventsource-parser";
export { Lexer, Tokenizer } from "marked";
export { default as remend } from "remend";
