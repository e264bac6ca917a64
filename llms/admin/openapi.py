"""
The admin API's own description: OpenAPI 3.1; pure.

One table has every operation. Bodies and queries are described by what reads them, so that the document cannot promise
another; answers by ``llms.admin.answers``, which the tests compare with what is answered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from llms import session
from llms.admin import answers, bodies, queries
from llms.admin.queries import Param

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Operation:
    """
    What one method does on one path.

    Args:
        path: Under ``/admin/v1``.
        answer: The name of the answer's schema; ``None`` where it has no body.
        query: What may stand behind the question mark.
        body: What reads the body.
        kind: The answer's media type.
        csv: Whether CSV may be asked for instead.
        public: Whether it needs no key.
    """

    method: str
    path: str
    summary: str
    answer: str | None
    status: int = 200
    query: Mapping[str, Param] = field(default_factory=dict)
    body: type[BaseModel] | None = None
    kind: str = _JSON
    csv: bool = False
    public: bool = False


OPERATIONS = (
    Operation("get", "/openapi.json", "This document.", "Document", public=True),
    Operation("get", "/me", "Who asks, and what was taken of its limits so far.", "Me"),
    Operation(
        "post", "/session", "Have a cookie that stands for the key in the header.", "Session", body=bodies.Nothing
    ),
    Operation("delete", "/session", "Have the browser forget its cookie.", None, 204),
    Operation("get", "/keys", "The keys that the caller may see, newest first.", "Keys", query=queries.KEYS),
    Operation(
        "post", "/keys", "Make a key. Its secret is shown this once.", "KeyWithSecret", 201, body=bodies.KeyGiven
    ),
    Operation("get", "/keys/{id}", "One key.", "Key"),
    Operation("patch", "/keys/{id}", "Change a key; what is left out stays as it is.", "Key", body=bodies.KeyGiven),
    Operation(
        "post",
        "/keys/{id}/rotate",
        "Give a key another secret, shown this once.",
        "KeyWithSecret",
        body=bodies.Rotation,
    ),
    Operation(
        "post", "/keys/{id}/revoke", "End a key, and all that came from it, for good.", "Key", body=bodies.Nothing
    ),
    Operation("get", "/usage", "Calls, summed up by whole days in UTC.", "Usage", query=queries.USAGE, csv=True),
    Operation(
        "get", "/calls", "Calls, newest first; as CSV all, oldest first.", "Calls", query=queries.CALLS, csv=True
    ),
    Operation(
        "get",
        "/calls/tail",
        "Calls as they end: an event for each. `Last-Event-ID` goes on after an event.",
        "Call",
        query=queries.FOLLOWED,
        kind="text/event-stream",
    ),
    Operation("get", "/calls/{id}", "One call, with its prompt and its answer where they are kept.", "CallWithBody"),
)

_SECURITY: dict[str, dict[str, str]] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    **{name: {"type": "apiKey", "in": "header", "name": name} for name in ("x-api-key", "api-key", "x-goog-api-key")},
    "session": {"type": "apiKey", "in": "cookie", "name": session.COOKIE},
}


def document() -> dict[str, Any]:
    """Give the document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(f"/admin/v1{operation.path}", {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "llms: keys, usage and calls",
            "version": "1",
            "description": "Money is in micro-dollars. Times that end in `_at` are Unix seconds in a key.",
        },
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": _SECURITY},
        "security": [{name: []} for name in _SECURITY],
    }


def _operation(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "summary": operation.summary,
        "responses": {str(operation.status): _answer(operation), "default": _FAILURE},
    }
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "query", "description": f"Must be {param.expected}.", "schema": dict(param.schema)}
        for name, param in operation.query.items()
    ]
    if "{id}" in operation.path:
        parameters.insert(0, {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}})
    if parameters:
        found["parameters"] = parameters
    if operation.body is not None:
        content = {_JSON: {"schema": _ref(operation.body.__name__)}}
        found["requestBody"] = {"required": True, "content": content}
    if operation.public:
        found["security"] = []
    return found


def _answer(operation: Operation) -> dict[str, Any]:
    if operation.answer is None:
        return {"description": "Done."}
    content: dict[str, Any] = {operation.kind: {"schema": _ref(operation.answer)}}
    if operation.csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    return {"description": "The answer.", "content": content}


_FAILURE = {
    "description": "The request failed.",
    "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = dict(answers.SCHEMAS)
    for model in (bodies.KeyGiven, bodies.Rotation, bodies.Nothing):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        found.update(schema.pop("$defs", {}))
        found[model.__name__] = schema
    return dict(sorted(found.items()))
