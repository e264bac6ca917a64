// The values that travel through the chat. Only shapes: every module that makes or reads one names it from here.

/**
 * A conversation. Its messages are a tree: each names its parent, `head` names the leaf that is shown.
 *
 * @typedef {object} Thread
 * @property {string} id
 * @property {string} title  Empty until somebody names it; what is shown then is its first words (`opening`).
 * @property {string} opening  The first words of its first message; empty while it has none.
 * @property {boolean} pinned
 * @property {number} created  Unix milliseconds, as all times here.
 * @property {number} updated
 * @property {number | null} deleted  When it was deleted; it is purged once that can no longer be undone.
 * @property {string} model  Empty: the default model.
 * @property {string} system
 * @property {Parameters} parameters
 * @property {string | null} head
 */

/**
 * What is sent beside the messages; absent: the provider's default.
 *
 * @typedef {object} Parameters
 * @property {number} [temperature]
 * @property {number} [top_p]
 * @property {number} [max_tokens]
 * @property {number} [presence_penalty]
 * @property {number} [frequency_penalty]
 * @property {number} [seed]
 * @property {string} [reasoning_effort]
 * @property {string[]} [stop]
 */

/**
 * Where an answer stands. The first three pass; the last three stay.
 *
 * @typedef {"connecting" | "waiting" | "streaming" | "done" | "stopped" | "failed"} Status
 */

/**
 * @typedef {object} Message
 * @property {string} id
 * @property {string} thread
 * @property {string | null} parent
 * @property {"user" | "assistant"} role
 * @property {string} content
 * @property {Picture[]} pictures
 * @property {string} reasoning
 * @property {number} reasoningMs  From the first reasoning to the first content, or to the end.
 * @property {ToolCall[]} tools
 * @property {Status} status
 * @property {Failure | null} failure  Where the status is `failed`.
 * @property {string} model  The model that was asked; empty for a user's message.
 * @property {string | null} finish  The `finish_reason`.
 * @property {Usage | null} usage
 * @property {Timing | null} timing
 * @property {ServedBy | null} servedBy
 * @property {number} created
 */

/**
 * A picture that a person has attached. It stays in the browser until it is sent as a data URL.
 *
 * @typedef {object} Picture
 * @property {string} id
 * @property {string} name
 * @property {string} type  `image/png`, `image/jpeg`, `image/webp` or `image/gif`.
 * @property {Blob} blob
 */

/**
 * @typedef {object} ToolCall
 * @property {string} id
 * @property {string} name
 * @property {string} arguments  As the model wrote them, JSON or not.
 */

/**
 * What went wrong, as data: the sentence and the ways on come from `explain` in `stream/failures.js`.
 *
 * @typedef {object} Failure
 * @property {string} code  `NETWORK_ERROR`, `STREAM_TIMEOUT`, `PARSE_ERROR`, `CALLBACK_ERROR`, `INVALID_CALLBACK`,
 *   `STREAM_ERROR` (an error that came inside the stream), `INTERRUPTED` (the page was closed), `HTTP_` and the status.
 * @property {string} detail  What the other side said, as text; may be empty.
 * @property {string} type  The `code`, else the `type`, of the error that the gateway sent; may be empty.
 * @property {number | null} retryAt  When asking again may succeed.
 * @property {string} raw  What could not be read, at most 2,000 characters; may be empty.
 * @property {string} requestId  May be empty.
 */

/**
 * @typedef {object} Usage
 * @property {number} input
 * @property {number} output
 * @property {number} reasoning  Part of `output`.
 * @property {number} cached  Part of `input`.
 * @property {number | null} costUsd  Where it is known.
 */

/**
 * @typedef {object} Timing
 * @property {number} sentAt
 * @property {number | null} firstMs  Until the first token of any kind.
 * @property {number} totalMs
 */

/**
 * @typedef {object} ServedBy
 * @property {string} provider
 * @property {string} model
 * @property {string} requestId
 */

/**
 * A piece of an answer, in the order in which it came.
 *
 * @typedef {{kind: "content", text: string}
 *   | {kind: "reasoning", text: string}
 *   | {kind: "tool", index: number, id: string, name: string, arguments: string}
 *   | {kind: "usage", usage: Usage}
 *   | {kind: "finish", reason: string}
 *   | {kind: "served", servedBy: ServedBy}} Delta
 */

/**
 * How an answer ended.
 *
 * @typedef {object} Outcome
 * @property {"done" | "stopped" | "failed"} status
 * @property {Failure | null} failure
 */

/**
 * A model as `GET /v1/models` lists it, with what more is known of it.
 *
 * @typedef {object} Model
 * @property {string} id
 * @property {string} owner  The provider that serves it first, or `llms` for an alias.
 * @property {number | null} context  Tokens.
 * @property {string[]} inputs  `text`, `image`, `audio`, `file`; empty where nothing is known.
 * @property {string[]} abilities  `tools`, `reasoning`, `json`; empty where nothing is known.
 * @property {Price | null} price
 */

/**
 * @typedef {object} Price
 * @property {number} inputUsd  For one token.
 * @property {number} outputUsd  For one token.
 * @property {number} [cachedUsd]  For one of input that was read from the provider's cache; else as any.
 */

export {};
