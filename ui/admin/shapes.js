// What the gateway's own API (`/admin/v1`) gives, as far as the pages use it. Money is in whole micro-dollars, times are
// Unix milliseconds unless they say seconds.

/** @typedef {"admin" | "member" | "viewer"} Role */
/** @typedef {"total" | "day" | "week" | "month"} Window */

/**
 * @typedef {object} Limits  Null: there is no limit.
 * @property {number | null} rpm
 * @property {number | null} tpm
 * @property {number | null} concurrency
 * @property {Record<Window, number | null>} budgets_micros
 */

/**
 * @typedef {object} Key
 * @property {string} id
 * @property {string} name
 * @property {Role} role
 * @property {string} owner
 * @property {string} team
 * @property {string | null} parent
 * @property {string[]} models  Empty: all.
 * @property {string[]} endpoints  Empty: all.
 * @property {Limits} limits
 * @property {number | null} expires_at  Unix seconds.
 * @property {boolean} disabled
 * @property {boolean} keeps_bodies
 * @property {string} prefix
 * @property {number} created_at  Unix seconds.
 * @property {number | null} revoked_at  Unix seconds.
 * @property {boolean} changeable
 */

/**
 * @typedef {object} Me
 * @property {Key | null} key
 * @property {Role} role
 * @property {boolean} open  No key is needed.
 * @property {string} store  `none`: keys and calls are not kept.
 */

/**
 * @typedef {object} Sums
 * @property {number} calls
 * @property {number} failed
 * @property {number} input_tokens
 * @property {number} output_tokens
 * @property {number} cached_tokens
 * @property {number} cache_write_tokens
 * @property {number} reasoning_tokens
 * @property {number} cost_micros
 * @property {number} estimated  Calls whose tokens were estimated.
 * @property {number} unpriced  Calls that had no price.
 */

/** @typedef {"day" | "key" | "model" | "provider" | "team"} Group */
/** @typedef {Sums & Partial<Record<Group, string>>} UsageRow */
/** @typedef {{data: UsageRow[], total: Sums}} Usage */

/** @typedef {{target: string, outcome: string, ms: number | null}} Attempt */

/**
 * @typedef {object} Call
 * @property {string} id
 * @property {number} at
 * @property {string | null} key_id
 * @property {string | null} team
 * @property {string} api
 * @property {string} model
 * @property {string | null} provider
 * @property {string | null} target
 * @property {boolean} stream
 * @property {string} status
 * @property {string | null} code
 * @property {number} input_tokens
 * @property {number} output_tokens
 * @property {number} cached_tokens
 * @property {number} cache_write_tokens
 * @property {number} reasoning_tokens
 * @property {"exact" | "estimated" | "none"} counted
 * @property {number} cost_micros
 * @property {boolean} priced
 * @property {Attempt[]} attempts
 * @property {number | null} first_byte_us
 * @property {number} duration_us
 * @property {number} bytes_in
 * @property {number} bytes_out
 * @property {number} chunks
 * @property {string | null} finish_reason
 * @property {string | null} timing  As `Server-Timing` has it.
 */

/** @typedef {Call & {body: {prompt: string, answer: string} | null}} CallWithBody */

export {};
