// What the page tells a person beside the conversation. A notice goes by itself after a while unless it is lasting.

import { signal } from "../vendor/core.js";

/**
 * @typedef {object} Notice
 * @property {number} id
 * @property {string} text
 * @property {string} [code]  Of what went wrong. A new notice takes the place of the one with the same code.
 * @property {{label: string, run: () => unknown}} [action]
 * @property {boolean} [lasting]
 */

/** @param {number} shownMs  How long a notice that is not lasting is there. */
export function createNotices(shownMs) {
  /** @type {import("../vendor/core.js").Signal<Notice[]>} */
  const notices = signal([]);
  /** @type {Map<number, ReturnType<typeof setTimeout>>} */
  const timers = new Map();
  let last = 0;

  /** @param {number} id */
  function dismiss(id) {
    clearTimeout(timers.get(id));
    timers.delete(id);
    notices.value = notices.peek().filter((notice) => notice.id !== id);
  }

  /** @param {string} code */
  function dismissCode(code) {
    for (const notice of notices.peek()) if (notice.code === code) dismiss(notice.id);
  }

  return {
    notices,
    dismiss,
    dismissCode,

    /**
     * @param {Omit<Notice, "id">} notice
     * @returns {number} Its id.
     */
    add(notice) {
      const id = (last += 1);
      if (notice.code !== undefined) dismissCode(notice.code);
      notices.value = [...notices.peek(), { ...notice, id }];
      if (!notice.lasting) timers.set(id, setTimeout(dismiss, shownMs, id));
      return id;
    },

    close() {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
  };
}

/** @typedef {ReturnType<typeof createNotices>} Notices */
