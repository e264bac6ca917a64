// Loaded for the first answer: the Markdown lexer, and what closes unfinished Markdown.

export { Lexer, Tokenizer } from "marked";
export { default as remend } from "remend";
