// Who the gateway takes this page for, and what that one may do.

import { signal } from "./vendor/core.js";
import { identity } from "./session.js";

/** @typedef {import("./admin/shapes.js").Me} Me */

/** @type {import("./vendor/core.js").Signal<Me | null>} Null where it is not known: nobody has asked, or who asks has to log in. */
export const me = signal(null);

/**
 * Ask the gateway.
 *
 * @param {typeof import("./session.js").ask} send  Whether who has to log in is asked for a key.
 * @param {AbortSignal} [signal]
 * @throws {import("./session.js").Refusal} Who asks has to log in, or the gateway does not tell.
 */
export async function loadMe(send, signal) {
  const asked = identity.value;
  const answer = await send("/admin/v1/me", { signal }).catch((error) => error);
  if (identity.value !== asked) return;
  me.value = answer instanceof Error ? null : answer;
  if (answer instanceof Error) throw answer;
}
