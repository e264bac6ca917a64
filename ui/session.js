// The key that the gateway asks for, and requests that carry it. It is kept in memory only: whatever can read the
// storage of this page must not find it there.

import { signal } from "./vendor/core.js";

/** The key; empty where none was needed so far. */
export const key = signal("");

/** Whether the gateway has refused a request for want of a (good) key since one was last given. */
export const keyWanted = signal(false);

/** @returns {Record<string, string>} The headers that carry the key. */
export function authorization() {
  return key.value === "" ? {} : { Authorization: `Bearer ${key.value}` };
}

/**
 * Get an API path of the gateway as JSON.
 *
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 * @throws {Error} When it cannot be had; the message is the gateway's own where it sent one.
 */
export async function get(path, signal) {
  const sent = key.value;
  const response = await fetch(path, { headers: authorization(), signal });
  // Not for a key that has been changed meanwhile: the answer says nothing of the new one.
  if (response.status === 401 && key.value === sent) keyWanted.value = true;
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Error(body?.error?.message ?? `HTTP ${response.status}`);
  return body;
}

/** @param {string} given */
export function useKey(given) {
  key.value = given.trim();
  keyWanted.value = false;
}
