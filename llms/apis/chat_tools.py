"""
What a chat completion request says about tools, in the one form that providers get.

A function is ``{"type": "function", "function": {"name", "parameters", …}}``, its ``parameters`` always a schema; a
custom tool is ``{"type": "custom", "custom": {"name", …}}``. Both are also taken flat, as the Responses API has them
and Cursor sends them. Tools of other types are kept as they are: only their upstream can tell.
"""

from collections.abc import Mapping
from typing import Any

from llms.apis import fields

MAX_TOOLS = 1024
"""OpenAI takes 128; agents with several MCP servers have more and use them elsewhere."""

_CHOICES = ("none", "auto", "required")
_NESTED = ("function", "custom")


def tools(body: Mapping[str, Any], name: str) -> list[dict[str, Any]] | None:
    """Give the tools; none is the same as no list."""
    return [_tool(tool, f"{name}[{index}]") for index, tool in enumerate(_objects(body[name], name))] or None


def functions(body: Mapping[str, Any], name: str) -> list[dict[str, Any]] | None:
    """Give the functions of the old form; none is the same as no list."""
    value = _objects(body[name], name)
    for index, function in enumerate(value):
        fields.required_text(function, "name", path=f"{name}[{index}].")
    return [_with_parameters(function, f"{name}[{index}]") for index, function in enumerate(value)] or None


def tool_choice(body: Mapping[str, Any], name: str) -> Any:
    """Give the choice: ``none``, ``auto``, ``required``, or an object that names tools."""
    value = body[name]
    kind = value.get("type") if isinstance(value, dict) else None
    if kind in _NESTED:
        return _nested(value, kind, name)
    if kind == "allowed_tools":
        allowed = value.get(kind)
        if not isinstance(allowed, dict) or not isinstance(allowed.get("tools"), list):
            fields.refuse(f"{name}.{kind}", "an object with a mode and a list of tools")
    elif value not in _CHOICES:
        fields.refuse(name, f"one of {', '.join(_CHOICES)}, or an object that names a tool", "unsupported_value")
    return value


def function_call(body: Mapping[str, Any], name: str) -> Any:
    """Give the choice of the old form: ``none``, ``auto`` or an object that names a function."""
    value = body[name]
    if isinstance(value, dict):
        fields.required_text(value, "name", path=f"{name}.")
    elif value not in ("none", "auto"):
        fields.refuse(name, "none, auto or an object with the name of a function", "unsupported_value")
    return value


def settle(rest: dict[str, Any]) -> None:
    """
    Take away what means nothing without tools.

    Raises:
        InvalidRequestError: A tool is required, and there is none.
    """
    for choice, choices in (("tool_choice", "tools"), ("function_call", "functions")):
        if choice in rest and choices not in rest and rest.pop(choice) not in ("none", "auto"):
            fields.refuse(choice, f"none or auto where there are no {choices}")
    if "tools" not in rest:
        rest.pop("parallel_tool_calls", None)


def _objects(value: object, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > MAX_TOOLS:
        fields.refuse(name, f"a list of at most {MAX_TOOLS} objects")
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            fields.refuse(f"{name}[{index}]", "an object")
    return value


def _tool(tool: dict[str, Any], path: str) -> dict[str, Any]:
    kind = tool.get("type")
    if kind is None and ("function" in tool or "name" in tool):
        kind = "function"
    if not isinstance(kind, str):
        fields.refuse(f"{path}.type", "function, custom or another type of tool")
    if kind not in _NESTED:
        return tool
    nested = _nested(tool, kind, path)
    if kind == "function":
        return {**nested, kind: _with_parameters(nested[kind], f"{path}.{kind}")}
    return nested


def _nested(tool: dict[str, Any], kind: str, path: str) -> dict[str, Any]:
    inner = tool.get(kind)
    if inner is None:
        inner = {name: value for name, value in tool.items() if name not in ("type", kind)}
        tool = {"type": kind, kind: inner}
    if not isinstance(inner, dict):
        fields.refuse(f"{path}.{kind}", "an object with a name")
    fields.required_text(inner, "name", path=f"{path}.{kind}.")
    return {**tool, "type": kind}


def _with_parameters(function: dict[str, Any], path: str) -> dict[str, Any]:
    parameters = function.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        fields.refuse(f"{path}.parameters", "a JSON Schema object")
    kept = {name: value for name, value in function.items() if value is not None}
    return {**kept, "parameters": parameters or {"type": "object", "properties": {}}}
