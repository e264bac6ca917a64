"""
Tools for Ollama, pure: which to offer, and how to ask for one.

Ollama has no ``tool_choice``: tools that may not be called are left out, and a choice that the client insists on is
said to the model in words, which it may disregard. Its only kind is the function; a custom tool, which takes free text,
becomes a function with one string.
"""

from collections.abc import Mapping
from typing import Any

from llms.errors import InvalidRequestError
from llms.providers.ollama_messages import refuse

_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}
_CUSTOM_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}

_ANY_TOOL = "Answer by calling one of the tools."


def offered(body: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    """
    Give the tools to offer, and what to tell the model where the client insists on one.

    Raises:
        InvalidRequestError: A wrong shape, a kind of tool that Ollama does not take, or a choice among no tools.
    """
    given = body.get("tools")
    if not isinstance(given, list | None):
        refuse("tools", "tools must be a list.")
    tools = [_tool(tool, f"tools[{index}]") for index, tool in enumerate(given or ())]
    match body.get("tool_choice"):
        case None | "auto":
            return tools, None
        case "none":
            return [], None
        case "required" if tools:
            return tools, _ANY_TOOL
        case {"type": "function", "function": {"name": name}} | {"type": "custom", "custom": {"name": name}}:
            return _only(tools, [name]), f"Answer by calling the tool {name}."
        case {"type": "allowed_tools", "allowed_tools": {"tools": [*allowed]} as choice}:
            names = [_name(tool) for tool in allowed]
            return _only(tools, names), _ANY_TOOL if choice.get("mode") == "required" else None
        case _:
            message = "tool_choice must be none, auto, or required with tools, or name one of the tools."
            raise InvalidRequestError(message, param="tool_choice")


def hinted(given: list[dict[str, Any]], hint: str | None) -> list[dict[str, Any]]:
    """Give the messages with ``hint`` in the first system message: some templates take one only, and only in front."""
    if hint is None:
        return given
    first, *rest = given
    if first["role"] != "system":
        return [{"role": "system", "content": hint}, *given]
    return [{**first, "content": f"{first['content']}\n\n{hint}"}, *rest]


def custom_tools(body: Mapping[str, Any]) -> frozenset[str]:
    """Give the names of the tools that take free text: Ollama sees functions, the client gets its own kind back."""
    tools = body.get("tools")
    return frozenset(
        tool["custom"]["name"] for tool in (tools if isinstance(tools, list) else ()) if tool.get("type") == "custom"
    )


def _tool(raw: object, where: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        refuse(where, f"{where} must be an object.")
    kind = raw.get("type")
    if kind not in ("function", "custom"):
        refuse(f"{where}.type", "Ollama takes tools of type function and custom only.", "unsupported_value")
    inner = raw.get(kind)
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        refuse(f"{where}.{kind}", f"{where}.{kind} must be an object with a name.")
    if kind == "custom":
        kept = {name: inner[name] for name in ("name", "description") if inner.get(name) is not None}
        return {"type": "function", "function": {**kept, "parameters": _CUSTOM_PARAMETERS}}
    # Without parameters some templates fail.
    return {"type": "function", "function": {**inner, "parameters": inner.get("parameters") or _NO_PARAMETERS}}


def _only(tools: list[dict[str, Any]], names: list[object]) -> list[dict[str, Any]]:
    chosen = [tool for tool in tools if tool["function"]["name"] in names]
    if not chosen:
        refuse("tool_choice", "tool_choice names no tool that is in tools.")
    return chosen


def _name(tool: object) -> object:
    match tool:
        case {"function": {"name": name}} | {"custom": {"name": name}}:
            return name
        case _:
            return None
