// Chats for the unit tests: real storage, channels and locks under names of their own, and runs that a test plays.

import { createChat } from "/ui/app/chat/chat.js";
import { newId } from "/ui/app/ids.js";
import { models } from "/ui/app/models.js";
import { change } from "/ui/app/settings.js";
import { deleteDB } from "/ui/app/vendor/core.js";
import { openStore } from "/ui/app/store/store.js";
import { openChannel } from "/ui/app/tabs/channel.js";
import { test, until } from "./harness.js";

/** @typedef {import("/ui/app/chat/chat.js").Chat} Chat */
/** @typedef {import("/ui/app/chat/open_thread.js").OpenThread} OpenThread */
/** @typedef {import("/ui/app/chat/parts.js").Given} Given */
/** @typedef {import("/ui/app/types.js").Delta} Delta */
/** @typedef {import("/ui/app/types.js").Failure} Failure */
/** @typedef {import("/ui/app/types.js").Message} Message */

/**
 * @typedef {object} PlayedRun
 * @property {import("/ui/app/stream/run.js").RunRequest} request
 * @property {boolean} stopped
 * @property {(text: string) => void} say
 * @property {(delta: Delta) => void} deliver
 * @property {(status: import("/ui/app/types.js").Status) => void} state
 * @property {() => void} done
 * @property {(code: string) => void} fail
 */

/**
 * @typedef {object} World
 * @property {(given?: Partial<Given>) => Promise<Chat>} tab  Another tab of the same browser.
 * @property {PlayedRun[]} runs  All that were started, in any tab.
 * @property {(count: number) => Promise<PlayedRun>} run  The run with this number, once it has started.
 * @property {import("/ui/app/store/store.js").Store} store  As a tab that shows nothing sees it.
 * @property {string} name
 */

/** @type {Partial<import("/ui/app/chat/parts.js").Pace>} */
export const QUICK = { saveMs: 30, draftMs: 10, graceMs: 30, beatMs: 40, goneMs: 150, answerMs: 80, retryMs: 50, undoMs: 150 };

/** Where the page is not trusted. @type {import("/ui/app/tabs/lock.js").Locks} */
export const NO_LOCKS = {
  available: false,
  tryLock: async () => () => {},
  awaitLock: async () => () => {},
  held: async () => false,
};

// A request without a model asks the gateway for one, and there is none here.
change({ model: "unit-model" });

/**
 * @param {string} name
 * @param {(world: World) => Promise<void>} body
 */
export function chatTest(name, body) {
  test(name, async () => {
    const world = await createWorld();
    try {
      await body(world);
    } finally {
      await world.close();
    }
  });
}

async function createWorld() {
  models.value = [{ id: "m", owner: "p", context: null, inputs: [], abilities: [], price: { inputUsd: 1, outputUsd: 2 } }];
  const name = `test-${newId()}`;
  /** @type {(() => unknown)[]} */
  const ends = [];
  /** @type {PlayedRun[]} */
  const runs = [];
  const store = await openStore(name);
  return {
    name,
    store,
    runs,
    /** @param {number} count */
    async run(count) {
      await until(() => runs.length >= count, `run ${count} was never started`);
      return runs[count - 1];
    },
    /** @param {Partial<Given>} [given] */
    async tab({ pace, ...given } = {}) {
      const [own, channel] = [await openStore(name), openChannel(name)];
      const chat = createChat({ store: own, channel, startRun: playing(runs), pace: { ...QUICK, ...pace }, ...given });
      ends.push(() => chat.close().then(() => (channel.close(), own.close())));
      await chat.show(null);
      return chat;
    },
    async close() {
      await Promise.all(ends.map((end) => end()));
      store.close();
      await deleteDB(name);
    },
  };
}

/**
 * @param {PlayedRun[]} runs
 * @returns {typeof import("/ui/app/stream/run.js").startRun}
 */
function playing(runs) {
  return (request, { onState, onDelta, onEnd }) => {
    let over = false;
    /** @param {import("/ui/app/types.js").Outcome} outcome */
    const end = (outcome) => {
      if (!over) onEnd(outcome);
      over = true;
    };
    /** @type {PlayedRun} */
    const run = {
      request,
      stopped: false,
      state: onState,
      deliver: (delta) => void (over || onDelta(delta)),
      say: (text) => run.deliver({ kind: "content", text }),
      done: () => end({ status: "done", failure: null }),
      fail: (code) => end({ status: "failed", failure: failure(code) }),
    };
    runs.push(run);
    const stop = () => {
      run.stopped = true;
      end({ status: "stopped", failure: null });
    };
    return { stop, done: new Promise(() => {}) };
  };
}

/**
 * @param {string} code
 * @returns {Failure}
 */
export function failure(code) {
  return { code, detail: "", type: "", retryAt: null, raw: "", requestId: "" };
}

/**
 * @param {Chat} chat
 * @returns {OpenThread}
 */
export function open(chat) {
  const thread = chat.open.value;
  if (!thread) throw new Error("no thread is open");
  return thread;
}

/**
 * @param {Chat} chat
 * @returns {string} The id of the thread that is open.
 */
export function idOf(chat) {
  return open(chat).thread.value.id;
}

/**
 * @param {Chat} chat
 * @param {string} text
 */
export function send(chat, text) {
  return open(chat).send({ text, pictures: [] });
}

/**
 * @param {Chat} chat
 * @returns {string[]} What the page shows, as `role: text`.
 */
export function shown(chat) {
  const live = open(chat).live.value;
  return open(chat).path.value.map((message) => {
    const { role, content } = message.id === live?.id ? live.message : message;
    return `${role}: ${content}`;
  });
}

/**
 * @param {Chat} chat
 * @returns {Message} The last message that is shown, as it is in the map of messages.
 */
export function last(chat) {
  const message = open(chat).path.value.at(-1);
  if (!message) throw new Error("nothing is shown");
  return message;
}

/**
 * Have a question answered.
 *
 * @param {World} world
 * @param {Chat} chat
 * @param {string} question
 * @param {string} answer
 */
export async function exchange(world, chat, question, answer) {
  await send(chat, question);
  const run = await world.run(world.runs.length);
  run.say(answer);
  run.done();
  await until(() => last(chat).status === "done");
}

/** @param {number} ms */
export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
