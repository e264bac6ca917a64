"""
The matrix of K10 and K11: who asks, how its key is carried, what for, of whom, with which field.

What may come of each cell follows from a few lines that know nothing of the code: an admin may do all that is well
formed; a member may do to keys that came from its own what gives them no more than it has; nobody else changes a thing.
"""

import json
from dataclasses import dataclass

from tests.admin.people import CALLS, IDS, NOW

CALLERS = ("nobody", "stranger", "viewer", "red-viewer", "ann-child", "ann", "admin")
"""The last one is the one who changes others."""

CARRIERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie")

BELOW = {"ann": {"ann-child", "ann-grandchild"}, "ann-child": {"ann-grandchild"}}

RED = {"ann", "ann-child", "ann-grandchild", "bob", "bob-child", "red-viewer"}

SEEN = {
    "ann": {"ann", *BELOW["ann"]},
    "ann-child": {"ann-child", *BELOW["ann-child"]},
    "red-viewer": RED,
    "viewer": set(IDS),
    "admin": set(IDS),
}

TARGETS = (
    "ann",
    "ann-child",
    "ann-grandchild",
    "bob-child",
    "eve",
    "eve-child",
    "other-admin",
    "red-viewer",
    "nothing",
)

FIT = (
    {},
    {"name": "x"},
    {"owner": "x@example.org"},
    {"role": "member"},
    {"team": "red"},
    {"models": ["gpt-*", "o3"]},
    {"models": ["gpt-4o", "gpt-4*"]},
    {"endpoints": ["embeddings"]},
    {"limits": {}},
    {"limits": {"rpm": 1}},
    {"limits": {"rpm": 60, "tpm": 1000, "concurrency": 4}},
    {"limits": {"budgets_micros": {}}},
    {"limits": {"budgets_micros": {"day": 0, "month": 50}}},
    {"expires_at": NOW + 5},
    {"disabled": True},
    {"disabled": False},
    {"keeps_bodies": False},
    {"name": "x", "models": ["o3"], "limits": {"rpm": 2}, "disabled": True},
)
"""What is well formed, and no more than Ann has."""

MORE = (
    {"role": "admin"},
    {"role": "viewer"},
    b'{"\\u0072ole": "admin"}',
    {"team": ""},
    {"team": "blue"},
    {"team": "Red"},
    {"models": []},
    {"models": ["*"]},
    {"models": ["gpt*"]},
    {"models": ["gpt-4o", "claude"]},
    {"models": ["O3"]},
    {"endpoints": []},
    {"endpoints": ["completions"]},
    {"endpoints": ["embeddings", "completions"]},
    *({"limits": {name: None}} for name in ("rpm", "tpm", "concurrency")),
    {"limits": {"rpm": 61}},
    {"limits": {"tpm": 10**12}},
    {"limits": {"concurrency": 5}},
    *({"limits": {"budgets_micros": {name: None}}} for name in ("total", "day", "week", "month")),
    *({"limits": {"budgets_micros": {name: 10**15}}} for name in ("total", "day", "week", "month")),
    {"limits": {"rpm": 1, "budgets_micros": {"day": 11}}},
    {"expires_at": None},
    {"expires_at": NOW + 86_401},
    {"expires_at": 253_402_300_799},
    {"keeps_bodies": True},
    {"name": "x", "limits": {"rpm": 1}, "role": "admin"},
)
"""What is well formed, and more than Ann has."""

_UNKNOWN = (
    *("Role", "ROLE", "rolE", "role ", " role", "role\u200b", "role\x00", "rоle", "roles", "user_role", "is_admin"),
    *(
        "Models",
        "model",
        "all_models",
        "Limits",
        "max_budget",
        "budget",
        "rpm",
        "tpm_limit",
        "spend",
        "Team",
        "team_id",
    ),
    *("parent", "id", "digest", "old_digest", "old_until", "secret", "key", "prefix", "created_at", "revoked_at"),
    *("revision", "changeable", "permissions", "scopes", "metadata", "__proto__", "constructor", "$set", "budgets"),
    *("limits.rpm", "limits[rpm]", "limits/rpm", "keep_bodies", "Disabled", "expires", "expiresAt", "owner_id"),
)

_VALUES = {
    "role": (None, "", "Admin", "root", ["admin"], {"role": "admin"}, True, 1),
    "name": (None, 1, ["x"], {}, "x" * 201, "a\nb", "\x00", "\x1b[0m"),
    "owner": (None, 1.5, ["x"], "x" * 201),
    "team": (None, 0, ["red"], {"team": "red"}, "x" * 201),
    "models": (None, "gpt-*", {}, [["gpt-*"]], [None], [1], [""], ["*x"], ["a*b"], ["x" * 201], ["x"] * 201),
    "endpoints": (None, "embeddings", [["embeddings"]], ["Embeddings"], ["*"], [""], ["embeddings"] * 201),
    "expires_at": ("never", "1", 1.5, -1, True, [1], 10**15, NOW * 1000),
    "disabled": (None, 0, 1, "false", []),
    "keeps_bodies": (None, 0, "true", {}),
    "limits": (
        *(None, [], 1, "none", [{"rpm": 1}], {"RPM": 1}, {"rpm": -1}, {"rpm": 1.0}, {"rpm": "1"}, {"rpm": True}),
        *({"rpm": [1]}, {"rpm": {"rpm": 1}}, {"budgets": {"day": 1}}, {"budget_day": 1}, {"budgets_micros": None}),
        *({"budgets_micros": []}, {"budgets_micros": {"Day": 1}}, {"budgets_micros": {"year": 1}}),
        *({"budgets_micros": {"day": -1}}, {"budgets_micros": {"day": 0.5}}, {"budgets_micros": {"day": 10**16}}),
        *({"limits": {"rpm": 1}}, {"rpm": 10**30}),
    ),
}

WRONG = (
    *({name: "admin"} for name in _UNKNOWN),
    *({"name": "x", name: True} for name in ("admin", "superuser")),
    *({field: value} for field, values in _VALUES.items() for value in values),
    {"key": {"role": "admin"}},
    {"data": [{"role": "admin"}]},
    {"body": {"role": "admin"}, "name": "x"},
    b'[{"role": "admin"}]',
    b'"admin"',
    b"null",
    b'{"role": "member", "role": "admin"}',
    b'{"role": "member", "\\u0072ole": "admin"}',
    b'{"limits": {"rpm": 1, "rpm": null}}',
    b'{"role": "member"} {"role": "admin"}',
    b"role=admin",
    b"",
)
"""What nobody may send."""

BODIES = (*(("fit", body) for body in FIT), *(("more", body) for body in MORE), *(("wrong", body) for body in WRONG))

ROTATIONS = (
    ("fit", {}),
    ("fit", {"grace_s": 5}),
    *(
        ("wrong", body)
        for body in (
            *({"grace_s": value} for value in (None, -1, 604_801, "5", True, 1.5, [5])),
            {"secret": "sk-llms-mine"},
            {"digest": "0" * 64},
            {"Grace_s": 5},
            {"key": "x"},
        )
    ),
)

REVOCATIONS = (("fit", {}), ("wrong", {"cascade": False}), ("wrong", {"revoked_at": 0}), ("wrong", b"[]"))


@dataclass(frozen=True)
class Cell:
    """One request; ``may`` says whether it may succeed."""

    method: str
    path: str
    body: bytes | None
    may: bool
    target: str | None = None

    def __str__(self):
        return f"{self.method} {self.path} {self.body!r:.120}"


def encoded(body):
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _id(target):
    return IDS.get(target, "key_" + "0" * 32)


def _may_change(caller, target, kind):
    if kind == "wrong" or target == "nothing":
        return False
    return caller == "admin" or (kind == "fit" and target in BELOW.get(caller, ()))


def changes(caller, targets):
    """Give every cell that would change something."""
    for kind, body in BODIES:
        may = kind != "wrong" and (caller == "admin" or (caller in BELOW and kind == "fit"))
        yield Cell("POST", "/keys", encoded(body), may)
    for target in targets:
        path = f"/keys/{_id(target)}"
        for kind, body in BODIES:
            yield Cell("PATCH", path, encoded(body), _may_change(caller, target, kind), target)
        for kind, body in ROTATIONS:
            yield Cell("POST", f"{path}/rotate", encoded(body), _may_change(caller, target, kind), target)
        for kind, body in REVOCATIONS:
            yield Cell("POST", f"{path}/revoke", encoded(body), _may_change(caller, target, kind), target)
    for method, path in (
        *(("PUT", "/keys"), ("DELETE", "/keys"), ("PATCH", "/keys"), ("POST", "/me"), ("PATCH", "/me")),
        *(("DELETE", f"/keys/{IDS['eve']}"), ("PUT", f"/keys/{IDS['ann']}"), ("POST", f"/keys/{IDS['ann']}")),
        *(("POST", "/usage"), ("POST", "/calls"), ("DELETE", f"/calls/{CALLS['eve'].id}"), ("PATCH", "/session")),
    ):
        yield Cell(method, path, b"{}", may=False)


def looks(caller):
    """Give every cell that looks at one object."""
    for name in (*IDS, "nothing"):
        yield Cell("GET", f"/keys/{_id(name)}", None, name in SEEN.get(caller, ()), name)
        call = CALLS[name].id if name in CALLS else "req_" + "0" * 24
        yield Cell("GET", f"/calls/{call}", None, name in SEEN.get(caller, ()), name)
