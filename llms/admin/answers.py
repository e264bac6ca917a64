"""What the admin API answers, as JSON Schema; ``llms.admin.shapes`` makes it."""

from collections.abc import Mapping
from typing import Any

from llms.admin.queries import GROUPS
from llms.admin.shapes import SUMS
from llms.keys import Role, Window
from llms.store import CallRow

Schema = Mapping[str, Any]

_TEXT: Schema = {"type": "string"}
_MAY_TEXT: Schema = {"type": ["string", "null"]}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_MAY_WHOLE: Schema = {"type": ["integer", "null"], "minimum": 0}
_FLAG: Schema = {"type": "boolean"}
_ROLE: Schema = {"enum": [role.value for role in Role]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _object(fields: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> dict[str, Any]:
    """Give an object with these fields, and no others."""
    return {
        "type": "object",
        "properties": {**fields, **(optional or {})},
        "required": list(fields),
        "additionalProperties": False,
    }


_KEY: Mapping[str, Schema] = {
    "id": _TEXT,
    "name": _TEXT,
    "role": _ROLE,
    "owner": _TEXT,
    "team": _TEXT,
    "parent": _MAY_TEXT,
    "models": _array(_TEXT),
    "endpoints": _array(_TEXT),
    "limits": _ref("Limits"),
    "expires_at": {**_MAY_WHOLE, "description": "Unix seconds."},
    "disabled": _FLAG,
    "keeps_bodies": _FLAG,
    "prefix": {**_TEXT, "description": "How its secret begins."},
    "created_at": {**_WHOLE, "description": "Unix seconds."},
    "revoked_at": {**_MAY_WHOLE, "description": "Unix seconds."},
    "changeable": {**_FLAG, "description": "Whether the caller may change it."},
}

_SECRET: Mapping[str, Schema] = {"secret": {**_TEXT, "description": "What a client sends. Kept nowhere."}}

_CALL: dict[str, Schema] = {
    **{name: _MAY_TEXT for name in CallRow._fields if CallRow.__annotations__[name] is str},
    **{name: _WHOLE for name in CallRow._fields if CallRow.__annotations__[name] is int and name != "cost"},
    "id": _TEXT,
    "at": {**_WHOLE, "description": "Unix milliseconds."},
    "stream": _FLAG,
    "priced": _FLAG,
    "cost_micros": {"type": "integer"},
    "first_byte_us": _MAY_WHOLE,
    "attempts": _array({"type": "object"}),
}

_SUMS = {("cost_micros" if name == "cost" else name): {"type": "integer"} for name in SUMS}


def _list(items: Schema, **more: Schema) -> dict[str, Any]:
    return _object({"object": {"const": "list"}, "data": _array(items), **more})


SCHEMAS: Mapping[str, Any] = {
    "Document": {"type": "object"},
    "Limits": _object(
        {
            "rpm": _MAY_WHOLE,
            "tpm": _MAY_WHOLE,
            "concurrency": _MAY_WHOLE,
            "budgets_micros": _object({window.value: _MAY_WHOLE for window in Window}),
        }
    ),
    "Key": _object(_KEY),
    "KeyWithSecret": _object({**_KEY, **_SECRET}),
    "Keys": _list(_ref("Key")),
    "Session": _object({"key": {"anyOf": [_ref("Key"), {"type": "null"}]}}),
    "Taken": _object(
        {
            "subject": _TEXT,
            "requests": _WHOLE,
            "tokens": _WHOLE,
            "running": _WHOLE,
            "reserved_micros": _WHOLE,
            "spent_micros": {
                "type": "object",
                "propertyNames": {"enum": [window.value for window in Window]},
                "additionalProperties": {"type": "integer"},
            },
            "limits": _ref("Limits"),
        }
    ),
    "Me": _object(
        {
            "key": {"anyOf": [_ref("Key"), {"type": "null"}]},
            "role": _ROLE,
            "open": {**_FLAG, "description": "Whether nobody needs a key."},
            "taken": _array(_ref("Taken")),
            "store": {"enum": ["sqlite", "postgresql", "none"]},
        }
    ),
    "Usage": _list(_object(_SUMS, optional=dict.fromkeys(GROUPS, _TEXT)), total=_object(_SUMS)),
    "Call": _object(_CALL),
    "CallWithBody": _object(
        {**_CALL, "body": {"anyOf": [_object({"prompt": _TEXT, "answer": _TEXT}), {"type": "null"}]}}
    ),
    "Calls": _list(_ref("Call"), next={**_MAY_TEXT, "description": "The cursor of the next page."}),
    "Error": _object(
        {"error": _object({"message": _TEXT, "type": _TEXT, "param": _MAY_TEXT, "code": _MAY_TEXT})},
    ),
}
