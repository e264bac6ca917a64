// What a person must know about the store, told once each time it comes up.

import { storeError } from "./errors.js";

/** @typedef {import("./errors.js").StoreError} StoreError */
/** @typedef {(problem: StoreError) => void} Follower */

/**
 * @typedef {object} Problems
 * @property {(problem: StoreError) => void} stand  Tell it, now and to whoever follows later: it will not pass.
 * @property {(writing: Promise<void>) => Promise<void>} watch  Tell a write's failure, once until one succeeds.
 * @property {(fn: Follower) => () => void} follow
 */

/** @returns {Problems} */
export function createProblems() {
  /** @type {Set<Follower>} */
  const followers = new Set();
  /** @type {StoreError | null} */
  let standing = null;
  let failing = "";

  /** @param {StoreError} problem */
  const tell = (problem) => followers.forEach((fn) => fn(problem));

  return {
    stand(problem) {
      standing = problem;
      tell(problem);
    },
    async watch(writing) {
      try {
        await writing;
        failing = "";
      } catch (error) {
        const problem = storeError(error);
        if (problem.code !== failing && problem.code !== standing?.code) tell(problem);
        failing = problem.code;
        throw problem;
      }
    },
    follow(fn) {
      followers.add(fn);
      if (standing !== null) fn(standing);
      return () => void followers.delete(fn);
    },
  };
}
