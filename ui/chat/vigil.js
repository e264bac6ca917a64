// Watching over another tab's answer: when its owner is gone without having ended it, somebody has to.

/** @typedef {import("../tabs/lock.js").Locks} Locks */
/** @typedef {import("../tabs/lock.js").Release} Release */

/**
 * @typedef {object} Vigil
 * @property {() => void} heard  The owner has just shown that it is there.
 * @property {() => void} close
 */

/**
 * With locks: the owner is gone when its lock is granted here, to one tab only. Without: when nothing was heard of it
 * for `goneMs`, by all tabs alike; the first answer has to come sooner, since an owner gives it at once.
 *
 * @param {{locks: Locks, lock: string, answerMs: number, goneMs: number, onGone: (release: Release | null) => void}} options
 *   `onGone` gets the lock, and has to release it, where there are locks.
 * @returns {Vigil}
 */
export function createVigil({ locks, lock, answerMs, goneMs, onGone }) {
  return locks.available ? waitForLock({ locks, lock, onGone }) : listen(answerMs, goneMs, () => onGone(null));
}

/**
 * @param {{locks: Locks, lock: string, onGone: (release: Release) => void}} options
 * @returns {Vigil}
 */
function waitForLock({ locks, lock, onGone }) {
  const closed = new AbortController();
  locks.awaitLock(lock, closed.signal).then((release) => {
    if (release === null) return;
    if (closed.signal.aborted) release();
    else onGone(release);
  });
  return { heard() {}, close: () => closed.abort() };
}

/**
 * @param {number} answerMs
 * @param {number} goneMs
 * @param {() => void} onGone
 * @returns {Vigil}
 */
function listen(answerMs, goneMs, onGone) {
  let timer = setTimeout(onGone, answerMs);
  return {
    heard() {
      clearTimeout(timer);
      timer = setTimeout(onGone, goneMs);
    },
    close: () => clearTimeout(timer),
  };
}
