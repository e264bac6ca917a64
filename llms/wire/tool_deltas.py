"""
Tool calls of one streamed choice, told apart.

Clients join the pieces of a call by ``index`` alone. Services number from 1, give every call index 0, leave the index
out, or repeat ``id`` and ``name`` in each piece; here the pieces get dense indexes and each name is said once.
"""

from dataclasses import dataclass
from typing import Any

from llms.errors import UpstreamBadResponseError
from llms.wire import json_text

MAX_TOOL_CALLS = 128
"""What OpenAI allows in a request's ``tools``; no answer has reason to hold more calls."""

MAX_NAMES = 4 << 20
"""The most characters of ids and names, all calls together: they are kept until the answer ends, arguments are not."""


class _Tool:
    """One call as the client sees it; ``index`` is ``None`` until it has been announced."""

    __slots__ = ("custom", "filled", "id", "index", "name", "signed", "wrote")

    def __init__(self, *, custom: bool) -> None:
        self.custom = custom
        self.id = ""
        self.name = ""
        self.index: int | None = None
        self.wrote = False
        self.filled = False
        self.signed = False


@dataclass(frozen=True, slots=True)
class _Piece:
    index: int | None
    id: str
    name: str
    text: str
    custom: bool
    extra: dict[str, Any] | None


class ToolDeltas:
    """
    Puts a choice's tool-call deltas right.

    Args:
        prefix: Begins the ids of calls that came without one.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._tools: list[_Tool] = []
        self._by_index: dict[int, _Tool] = {}
        self._by_id: dict[str, _Tool] = {}
        self._ids: set[str] = set()
        self._names = 0
        self.sent = 0

    def feed(self, entries: list[Any]) -> list[dict[str, Any]]:
        """
        Take a delta's ``tool_calls``; give those to send on.

        Raises:
            UpstreamBadResponseError: More calls or longer names than anyone makes, or arguments that belong to no call.
        """
        result: list[dict[str, Any]] = []
        begun: list[_Tool] = []
        for entry in entries:
            if isinstance(entry, dict):
                piece = _piece(entry)
                tool = self._find(piece, begun)
                if tool.index is None and piece.name:
                    result += self._fill(begun)
                    begun.append(tool)
                result += self._add(tool, piece)
        return result

    def close(self) -> list[dict[str, Any]]:
        """Give what is owed at the end: ``{}`` for each call without arguments, since clients parse them as JSON."""
        return self._fill([])

    def _find(self, piece: _Piece, begun: list[_Tool]) -> _Tool:
        by_id = self._by_id.get(piece.id)
        if by_id and piece.name not in ("", by_id.name):
            by_id = None  # an id is no id if two functions have it
        if piece.index is None:
            if by_id or (self._tools and not piece.name and not piece.id):
                return by_id or self._tools[-1]
            return self._new(piece)
        tool = self._by_index.get(piece.index)
        if tool is None:
            return by_id if by_id and not piece.name else self._new(piece)
        if not piece.name or not tool.name:
            return tool
        if piece.id and tool.id:
            return tool if piece.id == tool.id else by_id or self._new(piece)
        return self._new(piece) if tool in begun or piece.name != tool.name else tool

    def _new(self, piece: _Piece) -> _Tool:
        if len(self._tools) >= MAX_TOOL_CALLS:
            message = f"The provider's answer holds more than {MAX_TOOL_CALLS} tool calls."
            raise UpstreamBadResponseError(message)
        tool = _Tool(custom=piece.custom)
        self._tools.append(tool)
        if piece.index is not None:
            self._by_index[piece.index] = tool
        return tool

    def _add(self, tool: _Tool, piece: _Piece) -> list[dict[str, Any]]:
        if piece.id and not tool.id:
            tool.id = self._kept(piece.id)
            self._by_id.setdefault(piece.id, tool)
        tool.name = tool.name or self._kept(piece.name)
        if piece.text and (tool.filled or not tool.name):
            message = "The provider sent arguments that belong to no open tool call."
            raise UpstreamBadResponseError(message)
        if not tool.name:
            return []
        entry: dict[str, Any] = self._announce(tool) if tool.index is None else {"index": tool.index}
        signed = piece.extra is not None and not tool.signed
        if not piece.text and not signed and len(entry) == 1:
            return []
        tool.wrote = tool.wrote or bool(piece.text)
        kind, field = ("custom", "input") if tool.custom else ("function", "arguments")
        entry[kind] = {**entry.get(kind, {}), field: piece.text}
        if signed:
            tool.signed = True
            entry["extra_content"] = piece.extra
        return [entry]

    def _kept(self, name: str) -> str:
        self._names += len(name)
        if self._names > MAX_NAMES:
            message = "The ids and names of the tool calls in the provider's answer are too long."
            raise UpstreamBadResponseError(message)
        return name

    def _announce(self, tool: _Tool) -> dict[str, Any]:
        tool.index = self.sent
        self.sent += 1
        tool_id = tool.id if tool.id and tool.id not in self._ids else f"{self._prefix}{tool.index}"
        self._ids.add(tool_id)
        kind = "custom" if tool.custom else "function"
        return {"index": tool.index, "id": tool_id, "type": kind, kind: {"name": tool.name}}

    def _fill(self, begun: list[_Tool]) -> list[dict[str, Any]]:
        # Calls that began in one delta may be written side by side, so a later one does not end them.
        result: list[dict[str, Any]] = []
        for tool in self._tools:
            if tool.index is not None and not tool.wrote and not tool.custom and tool not in begun:
                tool.wrote = tool.filled = True
                result.append({"index": tool.index, "function": {"arguments": "{}"}})
        return result


def arguments(value: object) -> str:
    """A call's arguments, or a piece of them, as a string; some services send the object itself."""
    if isinstance(value, str):
        return value
    return "" if value is None else json_text.dumps(value).decode("utf-8")


def _piece(entry: dict[str, Any]) -> _Piece:
    custom = isinstance(entry.get("custom"), dict)
    body = entry["custom"] if custom else entry.get("function")
    body = body if isinstance(body, dict) else {}
    index = entry.get("index")
    extra = entry.get("extra_content")
    return _Piece(
        index=index if isinstance(index, int) and not isinstance(index, bool) else None,
        id=entry["id"] if isinstance(entry.get("id"), str) else "",
        name=body["name"] if isinstance(body.get("name"), str) else "",
        text=arguments(body.get("input" if custom else "arguments")),
        custom=custom,
        extra=extra if isinstance(extra, dict) else None,
    )
