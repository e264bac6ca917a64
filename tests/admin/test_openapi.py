"""The description of the admin API is right."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from jsonschema import Draft202012Validator

from llms.admin import bodies, openapi
from llms.web import routes
from llms.web.routes import Access
from tests.admin.people import CALLS, IDS, PEOPLE, call
from tests.admin.served import ask

TOP = "/admin/v1"
DOCUMENT = openapi.document()
RULES = json.loads((Path(__file__).parents[1] / "openapi" / "oas-3.1.json").read_bytes())
OWN = [route for route in routes.table() if route.path.startswith(TOP)]


def fits(name, value):
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    Draft202012Validator(schema).validate(value)


def test_document():
    """It is an OpenAPI document, with schemas that are some."""
    Draft202012Validator(RULES).validate(DOCUMENT)

    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def references(value):
    if isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


def test_references():
    """Whatever it refers to is there, and nothing is there that nobody refers to."""
    found = {name.removeprefix("#/components/schemas/") for name in references(DOCUMENT)}

    assert set(DOCUMENT["components"]["schemas"]) == found


def test_every_route():
    """It has the routes that there are, and says of the same ones that they need no key."""
    described = {
        (method.upper(), path, operation.get("security") == [])
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
    }

    assert {(route.method, route.path, route.access is Access.PUBLIC) for route in OWN} == described


def test_endpoints():
    """A key can be for every dialect that there is, and for no other."""
    assert {api.name for api in routes.plain().values()} == set(get_args(bodies.Endpoint))


ASKED = [
    ("get", "/openapi.json", None),
    ("get", "/me", None),
    ("post", "/session", {}),
    ("get", "/keys", None),
    ("post", "/keys", {"name": "x", "expires_at": 4_000_000_000}),
    ("get", f"/keys/{IDS['ann']}", None),
    ("patch", f"/keys/{IDS['ann']}", {"limits": {"rpm": 5}, "team": "green"}),
    ("post", f"/keys/{IDS['ann']}/rotate", {"grace_s": 1}),
    ("post", f"/keys/{IDS['ann']}/revoke", {}),
    ("get", "/usage", None),
    ("get", "/usage?by=day,key,team,model,provider", None),
    ("get", "/calls?limit=3", None),
    ("get", f"/calls/{CALLS['ann'].id}", None),
    ("get", f"/calls/{call(77, 'ann').id}", None),
]


@pytest.mark.parametrize(("method", "target", "body"), ASKED)
async def test_answers(served, store, method, target, body):
    """What is answered fits what is promised, to the field."""
    running = await served()
    await store.write_calls([call(77, "ann", code="", provider="", status="upstream_error", first_byte_us=-1)])
    path = re.sub(r"(/(?:keys|calls)/)[^/?]+", r"\1{id}", TOP + target).partition("?")[0]
    promised = DOCUMENT["paths"][path][method]["responses"]

    answer = await ask(running, method.upper(), target, key="admin", body=body)

    name = promised[str(answer.status)]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    fits(name, answer.json)


async def test_what_was_taken(served):
    """A caller with limits is told of them, and of what it has taken; of those of its maker, too."""
    running = await served()

    answer = await ask(running, "GET", "/me", key="ann-child")

    fits("Me", answer.json)
    assert [f"key:{IDS['ann-child']}", f"key:{IDS['ann']}"] == [one["subject"] for one in answer.json["taken"]]
    assert {"total", "day", "week", "month"} == set(answer.json["taken"][0]["spent_micros"])


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [("GET", "/keys/x", None), ("POST", "/keys", {"x": 1}), ("GET", "/calls?x=1", None), ("PUT", "/keys", {})],
)
async def test_failures(served, method, target, body):
    """So does what tells of a failure."""
    running = await served()

    answer = await ask(running, method, target, key="admin", body=body)

    assert answer.status >= 400
    fits("Error", answer.json)


def test_every_person_has_a_call():
    """What the examples stand on."""
    assert set(PEOPLE) == set(CALLS)
