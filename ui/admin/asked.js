// What a view asks the gateway for when it opens, when it asks for something else, and when somebody logs in.

import { useEffect, useRef, useSignal } from "../vendor/core.js";
import { ask, identity } from "../session.js";

/**
 * @template T
 * @typedef {object} Asked
 * @property {T | null} data  The last that came; kept while the next is on its way.
 * @property {unknown} problem  Why there is none, or none newer; null where there is nothing wrong.
 * @property {boolean} loading
 * @property {() => Promise<void>} again
 */

/**
 * @template T
 * @param {string | null} path  Null: nothing.
 * @param {(answer: any) => T} [read]
 * @returns {Asked<T>}
 */
export function useAsked(path, read = (answer) => answer) {
  return useLoaded(path, async (signal) => (path === null ? null : read(await ask(path, { signal }))));
}

/**
 * @template T
 * @param {unknown} about  Asked again when it is another.
 * @param {(signal: AbortSignal) => Promise<T | null>} load
 * @returns {Asked<T>}
 */
export function useLoaded(about, load) {
  const data = useSignal(/** @type {T | null} */ (null));
  const problem = useSignal(/** @type {unknown} */ (null));
  const loading = useSignal(true);
  const left = useRef(/** @type {AbortController | null} */ (null));
  const again = async () => {
    left.current?.abort();
    const mine = new AbortController();
    left.current = mine;
    loading.value = true;
    const answer = await load(mine.signal).then((value) => ({ value }), (error) => ({ error }));
    if (left.current !== mine || mine.signal.aborted) return;
    if ("value" in answer) data.value = answer.value;
    problem.value = "error" in answer ? answer.error : null;
    loading.value = false;
  };
  const by = identity.value;
  useEffect(() => {
    void again();
    return () => left.current?.abort();
  }, [about, by]);
  return { data: data.value, problem: problem.value, loading: loading.value, again };
}
