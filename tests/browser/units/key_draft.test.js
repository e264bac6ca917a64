// The form of a key: what it begins with, what is sent, and where what is wrong is said.

import { assert, assertEqual, test } from "./harness.js";
import { bodyOf, changesIn, draftOf, fieldOf, localTime, namesIn, newDraft } from "/ui/app/keys/draft.js";
import { beginningOf, budgetsOf, standingOf, windowsOf } from "/ui/app/keys/standing.js";

const NONE = { total: null, day: null, week: null, month: null };

/**
 * @param {Partial<import("/ui/app/admin/shapes.js").Key>} [more]
 * @returns {import("/ui/app/admin/shapes.js").Key}
 */
const key = (more) => ({
  id: "key_1",
  name: "App",
  role: "member",
  owner: "anna",
  team: "red",
  parent: null,
  models: ["gpt-*"],
  endpoints: [],
  limits: { rpm: 60, tpm: null, concurrency: null, budgets_micros: { ...NONE, month: 12_500_000 } },
  expires_at: null,
  disabled: false,
  keeps_bodies: false,
  prefix: "sk-llms-abcdef",
  created_at: 1,
  revoked_at: null,
  changeable: true,
  ...more,
});

/** @type {import("/ui/app/admin/shapes.js").Me} */
const ADMIN = { key: null, role: "admin", open: false, store: "sqlite" };

test("what the form was filled with comes out as it was", () => {
  const { body, problems } = bodyOf(draftOf(key({ expires_at: 1_800_000_000 })));

  assertEqual({}, problems);
  assertEqual(["App", "member", "anna", "red", ["gpt-*"]], [body.name, body.role, body.owner, body.team, body.models]);
  assertEqual(key().limits, body.limits);
  assertEqual(1_800_000_000, body.expires_at);
});

test("only what was changed is sent, so that what others have changed meanwhile stays", () => {
  const draft = draftOf(key());
  const before = bodyOf(draft).body;

  assertEqual({}, changesIn(bodyOf(draft).body, before));
  assertEqual({ disabled: true }, changesIn(bodyOf({ ...draft, disabled: true }).body, before));
});

test("numbers, dollars and times that are none are said at their field, and nothing is made of them", () => {
  const draft = { ...newDraft(ADMIN), rpm: "6o", tpm: "-1", concurrency: "1.5", day: "1,000", total: "x", expires: "soon" };

  const { problems } = bodyOf(draft);

  assertEqual({ rpm: "whole", tpm: "whole", concurrency: "whole", day: "dollars", total: "dollars", expires: "time" }, problems);
});

test("an empty box is no limit, a 0 is one", () => {
  const { body } = bodyOf({ ...newDraft(ADMIN), rpm: "0", day: "0" });

  assertEqual({ rpm: 0, tpm: null, concurrency: null, budgets_micros: { ...NONE, day: 0 } }, body.limits);
});

test("the first key of a gateway is an admin's, others a member's; a member's begins with what it may give", () => {
  const mine = key({ endpoints: ["embeddings"], keeps_bodies: true, expires_at: 1_800_000_000 });

  const made = newDraft({ ...ADMIN, role: "member", key: mine });

  assertEqual(["admin", "member"], [newDraft({ ...ADMIN, open: true }).role, newDraft(ADMIN).role]);
  assertEqual(["red", "gpt-*", ["embeddings"], "60", "12.50", true], [made.team, made.models, made.endpoints, made.rpm, made.month, made.keepsBodies]);
  assertEqual(localTime(1_800_000_000), made.expires);
});

test("the field that the gateway names is found in the form", () => {
  const draft = newDraft(ADMIN);
  const params = ["name", "limits.rpm", "limits.budgets_micros.month", "models[3]", "expires_at", "keeps_bodies", "endpoints[0]"];

  assertEqual(["name", "rpm", "month", "models", "expires", "keepsBodies", "endpoints"], params.map((param) => fieldOf(param, draft)));
  for (const param of ["", "limits", "toString", "grace_s", "a.b"]) assertEqual(null, fieldOf(param, draft), param);
});

test("models are one a line, or with commas; each once", () => {
  assertEqual(["a", "b/c", "d*"], namesIn(" a \n\nb/c, d*,a,\n"));
});

test("a key is active until it is disabled, has expired or is revoked", () => {
  const now = 1_000_000_000_000;
  const standing = (/** @type {Parameters<typeof key>[0]} */ more) => standingOf(key(more), now);

  assertEqual(["active", "disabled"], [standing({ expires_at: 1_000_000_001 }), standing({ disabled: true })]);
  assertEqual(["expired", "revoked"], [standing({ expires_at: 1_000_000_000, disabled: true }), standing({ revoked_at: 1, expires_at: 1 })]);
});

test("budgets count from the beginning of their day, week and month, in UTC", () => {
  const sunday = Date.UTC(2026, 10, 29, 23, 59);
  const iso = (/** @type {import("/ui/app/admin/shapes.js").Window} */ window) => new Date(beginningOf(window, sunday) ?? NaN).toISOString().slice(0, 16);

  assertEqual(["2026-11-29T00:00", "2026-11-23T00:00", "2026-11-01T00:00"], /** @type {const} */ (["day", "week", "month"]).map(iso));
  assertEqual(null, beginningOf("total", sunday));
  assertEqual("2026-11-23", new Date(beginningOf("week", Date.UTC(2026, 10, 23)) ?? NaN).toISOString().slice(0, 10));
});

test("what is spent of a budget is not known until it has come, and then is nothing where no call was", () => {
  const both = key({ limits: { ...key().limits, budgets_micros: { ...NONE, day: 5, month: 9 } } });

  const budgets = budgetsOf(both, new Map([["day", new Map([["key_1", 4]])], ["month", new Map()]]));

  assertEqual([{ window: "day", most: 5, spent: 4 }, { window: "month", most: 9, spent: 0 }], budgets);
  assertEqual([null, null], budgetsOf(both, new Map()).map(({ spent }) => spent));
  assertEqual(["day", "month"], windowsOf([both, key({ limits: { ...key().limits, budgets_micros: NONE } })]));
  assert(budgetsOf(key({ limits: { ...key().limits, budgets_micros: NONE } }), new Map()).length === 0);
});
