"""Says whether an answer is what OpenAI's published OpenAPI document promises. ``tests/openapi`` has the schemas."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.validators import extend

_FILE = Path(__file__).parent.parent / "openapi" / "openai.json"


def validate(name: str, instance: object) -> None:
    """
    Check ``instance`` against the document's schema ``name``.

    Args:
        name: As in the document: ``CreateChatCompletionResponse``.
        instance: Decoded JSON.

    Raises:
        jsonschema.ValidationError: It does not fit; says where.
        KeyError: There is no such schema.
    """
    _VALIDATORS[name].validate(instance)


def amended(schemas: dict[str, Any]) -> dict[str, Any]:
    """Give the document's schemas with the two places where the tests leave it; the reasons are in the README there."""
    message = schemas["ChatCompletionResponseMessage"]
    legacy = schemas["CreateCompletionResponse"]
    nullable_usage = {"anyOf": [legacy["properties"]["usage"], {"type": "null"}]}
    return {
        **schemas,
        "ChatCompletionResponseMessage": {**message, "required": [*message["required"], "refusal"]},
        "CreateCompletionResponse": {**legacy, "properties": {**legacy["properties"], "usage": nullable_usage}},
    }


def _validators() -> dict[str, Draft202012Validator]:
    schemas = amended(json.loads(_FILE.read_bytes())["$defs"])
    # JSON Schema takes 1.0 for an integer; clients with strict types do not.
    integers = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    strict = extend(Draft202012Validator, type_checker=integers)
    return {name: strict({"$ref": f"#/$defs/{name}", "$defs": schemas}) for name in schemas}


_VALIDATORS = _validators()
