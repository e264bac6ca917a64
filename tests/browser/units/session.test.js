// Who asks: a key goes to the gateway once, and the page keeps none.

import { assertEqual, assertThrows, test } from "./harness.js";
import { loadMe, me } from "/ui/app/me.js";
import { ask, askQuietly, identity, keyWanted, logIn, logOut, Refusal } from "/ui/app/session.js";

/**
 * Answer every request of `body` with what it is asked for.
 *
 * @param {(path: string, init: RequestInit | undefined) => Response | Promise<Response>} answer
 * @param {() => Promise<void>} body
 */
async function answering(answer, body) {
  const real = globalThis.fetch;
  globalThis.fetch = async (path, init) => answer(String(path), init);
  try {
    await body();
  } finally {
    globalThis.fetch = real;
    keyWanted.value = false;
  }
}

/** @param {number} status */
const refusal = (status) => Response.json({ error: { message: "No.", code: "some_code", param: "models[0]" } }, { status });

test("logging in sends the key in a header, once, and every answer may be another from then on", async () => {
  /** @type {(string | null)[][]} */
  const sent = [];
  await answering((path, init) => {
    sent.push([path, init?.method ?? "GET", new Headers(init?.headers).get("authorization")]);
    return Response.json({ key: { id: "key_1" } });
  }, async () => {
    const before = identity.value;
    keyWanted.value = true;
    await logIn("sk-one");
    await ask("/v1/models");

    assertEqual([before + 1, false], [identity.value, keyWanted.value]);
    assertEqual([["/admin/v1/session", "POST", "Bearer sk-one"], ["/v1/models", "GET", null]], sent);
  });
});

test("a gateway that needs no key takes any, and nothing is another for it", async () => {
  await answering(() => Response.json({ key: null }), async () => {
    const before = identity.value;

    assertEqual([false, before], [await logIn("sk-any"), identity.value]);
  });
});

test("a key that the gateway refuses, or no header can hold, changes nothing", async () => {
  let asked = 0;
  await answering(() => {
    asked += 1;
    return refusal(401);
  }, async () => {
    const before = identity.value;
    await assertThrows(() => logIn("sk-wrong"), "No.");
    for (const key of ["ключ", "", "a b", "a\nb"]) await assertThrows(() => logIn(key));

    assertEqual([before, 1], [identity.value, asked]);
  });
});

test("logging out ends the session at the gateway", async () => {
  /** @type {string[]} */
  const sent = [];
  await answering((path, init) => {
    sent.push(`${init?.method} ${path}`);
    return new Response(null, { status: 204 });
  }, async () => {
    const before = identity.value;
    await logOut();

    assertEqual([before + 1, ["DELETE /admin/v1/session"]], [identity.value, sent]);
  });
});

test("a refusal says what, which field, and why; a key is asked for where one is wanted", async () => {
  await answering((path) => refusal(path === "/key" ? 401 : 400), async () => {
    const error = await assertThrows(() => ask("/x"));
    assertEqual([true, 400, "No.", "some_code", "models[0]"], [error instanceof Refusal, error.status, error.message, error.code, error.param]);
    assertEqual(false, keyWanted.value);

    await assertThrows(() => ask("/key"));

    assertEqual(true, keyWanted.value);
  });
});

test("an answer to who has been logged out meanwhile asks for no key", async () => {
  await answering(async () => {
    identity.value += 1;
    return refusal(401);
  }, async () => {
    await assertThrows(() => ask("/x"));

    assertEqual(false, keyWanted.value);
  });
});

test("what is no JSON is a refusal all the same", async () => {
  await answering(() => new Response("<html>", { status: 502 }), async () => {
    assertEqual("HTTP 502", (await assertThrows(() => ask("/x"))).message);
  });
});

test("who asks is known once the gateway has told, and not any more when it does not", async () => {
  const told = { key: null, role: "admin", open: true, store: "sqlite" };
  await answering(() => Response.json(told), async () => {
    await loadMe(askQuietly);
    assertEqual(told, me.value);
  });
  await answering(() => refusal(401), async () => {
    await assertThrows(() => loadMe(askQuietly), "No.");
    assertEqual([null, false], [me.value, keyWanted.value]);
  });
});
