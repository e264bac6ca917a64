// Who asks. A key is sent to the gateway once and answered with a cookie that no script can read; from then on the
// browser sends that by itself. The page keeps no key anywhere: what can read the page must not find one.

import { signal } from "./vendor/core.js";
import { t } from "./strings.js";

const SESSION = "/admin/v1/session";

/** Counts how often somebody has logged in or out here: with another number, every answer may be another. */
export const identity = signal(0);

/** Whether the gateway has refused a request for want of a (good) key since somebody last logged in. */
export const keyWanted = signal(false);

/** The gateway has answered a request with a failure. */
export class Refusal extends Error {
  /**
   * @param {number} status  HTTP's.
   * @param {any} body  In the gateway's envelope, or anything.
   */
  constructor(status, body) {
    const { message, code, param } = body?.error ?? {};
    super(typeof message === "string" ? message : `HTTP ${status}`);
    this.status = status;
    this.code = typeof code === "string" ? code : "";
    /** The field that is wrong; empty where none is named. */
    this.param = typeof param === "string" ? param : "";
  }
}

/**
 * Ask the gateway for JSON; where it wants a key, so that the person is asked for one.
 *
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<any>}  `null` where the answer has no body that is JSON.
 * @throws {Refusal} The gateway refuses; the message is its own where it sent one.
 * @throws {TypeError} There is no answer.
 */
export async function ask(path, init) {
  const asked = identity.value;
  try {
    return await askQuietly(path, init);
  } catch (error) {
    // Not of who has logged in meanwhile: the answer says nothing of that key.
    if (error instanceof Refusal && error.status === 401 && identity.value === asked) keyWanted.value = true;
    throw error;
  }
}

/**
 * As `ask`, but nobody is asked for a key.
 *
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<any>}
 */
export async function askQuietly(path, init) {
  const response = await fetch(path, init);
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Refusal(response.status, body);
  return body;
}

/**
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export function get(path, signal) {
  return ask(path, { signal });
}

/**
 * Have a key taken for a session. One that the gateway refuses changes nothing.
 *
 * @param {string} key
 * @returns {Promise<boolean>} Whether the gateway knows the key; one that needs none takes any.
 * @throws {Error} It refuses it; the message says why.
 */
export async function logIn(key) {
  if (!/^[\x21-\x7e]+$/.test(key)) throw new Error(t("key.unusable"));
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
  const answer = await askQuietly(SESSION, { method: "POST", headers, body: "{}" });
  keyWanted.value = false;
  const known = Boolean(answer?.key);
  if (known) identity.value += 1;
  return known;
}

/** End the session. */
export async function logOut() {
  await askQuietly(SESSION, { method: "DELETE" });
  identity.value += 1;
}
