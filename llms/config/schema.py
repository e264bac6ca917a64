"""The JSON Schema of ``config.json``, for editors."""

from typing import Any

from pydantic import BaseModel

from llms.config.accounting import AccountingGiven, PriceGiven, StoreGiven
from llms.config.aliases import Alias, TargetGiven
from llms.config.load import PROVIDER_NAME
from llms.config.server import Server
from llms.providers import registry

Schema = dict[str, Any]

_NAME = {"type": "string", "pattern": f"^{PROVIDER_NAME.pattern}/.+$"}
_ONE = {"anyOf": [_NAME, {"$ref": f"#/$defs/{TargetGiven.__name__}"}]}
_GROUP = {"type": "array", "minItems": 1, "items": _ONE}
_TARGETS = {"type": "array", "minItems": 1, "items": {"anyOf": [*_ONE["anyOf"], _GROUP]}}


def json_schema() -> Schema:
    """Give the schema; the same, key for key, each time."""
    definitions: Schema = {}
    server = _defined(Server, "server", definitions)
    providers = _providers(definitions)
    alias = _defined(Alias, "alias", definitions)
    store = _defined(StoreGiven, "store", definitions)
    limits = _defined(AccountingGiven, "limits", definitions)
    price = _defined(PriceGiven, "price", definitions)
    definitions["alias"]["properties"]["targets"] |= _TARGETS
    definitions[TargetGiven.__name__]["properties"]["target"] |= _NAME
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "config.json of llms",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "$schema": {"type": "string", "description": "Where this schema is, for editors."},
            "server": server,
            "providers": providers,
            "models": {
                "type": "object",
                "description": "Names that stand for `provider/model`, for several of those in fallback order, or for "
                "those with terms of their own.",
                "additionalProperties": {"anyOf": [_NAME, _TARGETS, alias]},
            },
            "store": store,
            "limits": limits,
            "prices": {
                "type": "object",
                "description": "What models cost, by `provider/model`, where the packaged catalogue does not say it.",
                "propertyNames": {"pattern": "/"},
                "additionalProperties": price,
            },
        },
        "$defs": definitions,
    }


def _providers(definitions: Schema) -> Schema:
    kinds = {kind: _defined(kind, kind.__module__.rpartition(".")[2], definitions) for kind in registry.TYPES.values()}
    typed = [{"allOf": [kind, {"required": ["type"]}]} for kind in kinds.values()]
    compatible = {"allOf": [kinds[registry.TYPES[registry.COMPATIBLE]], {"required": ["base_url"]}]}
    return {
        "type": "object",
        "description": "Providers in fallback order. A name that is a type needs no `type`; with a `base_url` "
        f"alone the type is `{registry.COMPATIBLE}`.",
        "propertyNames": {"pattern": f"^{PROVIDER_NAME.pattern}$"},
        "properties": {name: kinds[kind] for name, kind in registry.TYPES.items()},
        "additionalProperties": {"anyOf": [*typed, compatible]},
    }


def _defined(model: type[BaseModel], name: str, definitions: Schema) -> Schema:
    """Add a model's schema to ``definitions``; give the reference to it."""
    schema = model.model_json_schema(ref_template="#/$defs/{model}")
    definitions |= schema.pop("$defs", {})
    definitions[name] = schema
    return {"$ref": f"#/$defs/{name}"}
