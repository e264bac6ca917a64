// What an answer had when its page went away. A page that goes away gets no more turns, so a write to the database may
// come too late; localStorage takes a text at once. The words are taken back when the answer is found interrupted.

/** @typedef {import("../types.js").Message} Message */

const PREFIX = "llms.last.";

/** Past this many characters only the last checkpoint counts: localStorage holds five megabytes in all. */
const MOST = 1_000_000;

/** Words that nobody took back in a day belong to an answer that another tab has finished. */
const STALE_MS = 86_400_000;

// Where a browser blocks storage, `localStorage` itself throws: it is only touched where that is caught.

/**
 * Leave what there is of an answer. Call it while the page goes away.
 *
 * @param {Message} message
 * @param {Storage} [storage]
 */
export function leaveLastWords({ id, content, reasoning, reasoningMs, tools }, storage) {
  if (content.length + reasoning.length > MOST) return;
  try {
    (storage ?? localStorage).setItem(PREFIX + id, JSON.stringify({ at: Date.now(), content, reasoning, reasoningMs, tools }));
  } catch {
    // No storage, or no room: the last checkpoint has to do.
  }
}

/**
 * Give an interrupted answer with the words that were left of it, if those are more; they are not kept any longer.
 *
 * @param {Message} message
 * @param {Storage} [storage]
 * @returns {Message}
 */
export function withLastWords(message, storage) {
  try {
    const kept = storage ?? localStorage;
    const left = read(kept.getItem(PREFIX + message.id));
    kept.removeItem(PREFIX + message.id);
    dropStale(kept);
    const more = left && left.content.length + left.reasoning.length > message.content.length + message.reasoning.length;
    return more ? { ...message, ...left } : message;
  } catch {
    return message;
  }
}

/**
 * Keep no words any longer: of the answer with this id, which has ended, or of any.
 *
 * @param {string | null} id  `null`: of any.
 * @param {Storage} [storage]
 */
export function forgetLastWords(id, storage) {
  try {
    const kept = storage ?? localStorage;
    const names = id === null ? Object.keys(kept).filter((name) => name.startsWith(PREFIX)) : [PREFIX + id];
    for (const name of names) kept.removeItem(name);
  } catch {
    // No storage: nothing was left in it.
  }
}

/**
 * @param {string | null} text
 * @returns {Pick<Message, "content" | "reasoning" | "reasoningMs" | "tools"> | null}
 */
function read(text) {
  if (text === null) return null;
  const { content, reasoning, reasoningMs, tools } = JSON.parse(text);
  const whole = typeof content === "string" && typeof reasoning === "string" && Array.isArray(tools);
  return whole ? { content, reasoning, reasoningMs: Number(reasoningMs) || 0, tools } : null;
}

/** @param {Storage} storage */
function dropStale(storage) {
  for (const name of Object.keys(storage)) {
    if (!name.startsWith(PREFIX)) continue;
    const { at } = JSON.parse(storage.getItem(name) ?? "{}");
    if (!(Date.now() - at < STALE_MS)) storage.removeItem(name);
  }
}
