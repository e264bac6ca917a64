// What the parts of a chat are made of, put together once.

import { models } from "../models.js";
import { startRun } from "../stream/start.js";
import { t } from "../strings.js";
import { locks } from "../tabs/lock.js";
import { exportToFile } from "./export.js";
import { createKeeper } from "./keeper.js";
import { createNotices } from "./notices.js";
import { createPresence } from "./presence.js";
import { createThreads } from "./threads.js";

/** @typedef {import("../store/store.js").Store} Store */
/** @typedef {import("../tabs/channel.js").Channel} Channel */

/** How long things take, in milliseconds. */
const PACE = {
  /** Between two checkpoints of an answer. */
  saveMs: 1_000,
  draftMs: 300,
  /** How long the end of an answer waits to be stored before another may begin. */
  storeMs: 3_000,
  /** Between two tries to store what could not be stored. */
  retryMs: 5_000,
  undoMs: 10_000,
  /** How often an owner says that it is there; three beats missed, and it is gone. */
  beatMs: 2_000,
  goneMs: 6_000,
  /** How soon an owner that is there answers. */
  answerMs: 2_000,
  /** How long the last messages of a tab that has died may be on their way. */
  graceMs: 250,
  /** How long a tab that only sees whether an answer has ended may hold up the next one. */
  acquireMs: 750,
};

/** @typedef {typeof PACE} Pace */

/**
 * What a chat is given. Who makes the store and the channel closes them, after the chat.
 *
 * @typedef {object} Given
 * @property {Store} store
 * @property {Channel} channel
 * @property {import("../tabs/lock.js").Locks} [locks]
 * @property {typeof startRun} [startRun]
 * @property {() => number} [now]
 * @property {Partial<Pace>} [pace]
 */

/**
 * @param {Given} given
 * @param {(thread: string) => void} onLost  The owner of its answer was not heard any more.
 */
export function createParts(given, onLost) {
  const { store, channel, now = Date.now } = given;
  const pace = { ...PACE, ...given.pace };
  const held = given.locks ?? locks;
  const notices = createNotices(pace.undoMs);
  const keeper = createKeeper(store, {
    retryMs: pace.retryMs,
    onKept: () => notices.dismissCode("STORAGE_FULL"),
    onUnread: (error) => notices.add({ ...problemOf(error), lasting: true }),
  });
  const presence = createPresence({
    goneMs: pace.goneMs,
    stillThere: (thread) => held.held(`llms:run:${thread}`),
    onGone: onLost,
  });
  const unfollow = store.onProblem((problem) => {
    const run = () => exportToFile(store);
    const action = problem.code === "STORAGE_FULL" ? { label: t("chat.export"), run } : undefined;
    notices.add({ ...problemOf(problem), action, lasting: true });
  });
  return {
    store,
    channel,
    locks: held,
    startRun: given.startRun ?? startRun,
    now,
    pace,
    notices,
    keeper,
    presence,
    threads: createThreads({ store, keeper, channel, now }),
    /** @param {string} model */
    priceOf: (model) => models.peek().find(({ id }) => id === model)?.price ?? null,
    close() {
      unfollow();
      for (const part of [notices, keeper, presence]) part.close();
    },
  };
}

/** @typedef {ReturnType<typeof createParts>} Parts */

/** @param {unknown} error */
function problemOf(error) {
  const code = error instanceof Error && "code" in error ? String(error.code) : "STORAGE_FAILED";
  return { code, text: error instanceof Error ? error.message : String(error) };
}
