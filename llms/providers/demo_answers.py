"""
What the demo model answers to a request: text, JSON, or a call of a tool; with or without reasoning.

The same request gets the same answer. ``temperature``, ``seed`` and the like are as good as absent.

Decision: tools come before ``response_format``, as with OpenAI, where a model calls first and formats its last answer.
The old ``functions`` are answered with text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from llms.errors import InvalidRequestError
from llms.providers import demo_text
from llms.wire.schema import sample

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tool:
    """
    A tool that can be called.

    Args:
        kind: ``function`` or ``custom``, which takes text instead of JSON.
        schema: Of a function's arguments.
        param: Where in the request it stands.
    """

    name: str
    kind: str
    schema: Mapping[str, Any]
    param: str


@dataclass(frozen=True, slots=True)
class Answer:
    """
    One choice, whole.

    Args:
        text: The content; a tool's arguments, if ``tool`` is to be called.
        is_json: Whether ``text`` is JSON, which has no words to cut it into.
    """

    reasoning: str
    text: str
    tool: Tool | None = None
    is_json: bool = False
    finish_reason: str = "stop"

    def pieces(self) -> Iterator[str]:
        """Give the text as it is to be streamed."""
        return demo_text.fragments(self.text) if self.is_json else demo_text.words(self.text)


def answer(body: Body, model: str) -> Answer:
    """
    Give the answer to a request.

    Args:
        body: In the inner dialect.
        model: As the client calls it.

    Raises:
        InvalidRequestError: No such tool, or no value fits the schema.
    """
    tool = _tool(body)
    if tool is not None:
        whole = _call(tool, body)
    elif (schema := _schema(body)) is not None:
        value = _sample(schema, "answer", "response_format.json_schema.schema")
        whole = Answer("A value that fits the schema will do.", demo_text.compact(value), is_json=True)
    else:
        whole = Answer("A page of Markdown will do.", _text(body, model))
    return _cut(replace(whole, reasoning=_reasoning(body, whole.reasoning)), body)


def usage(body: Body, choice: Answer, choices: int) -> dict[str, Any]:
    """Give OpenAI's usage object for so many equal choices; each count is an estimate, and at least 1."""
    prompt = max(1, sum(demo_text.tokens(demo_text.content(message)) for message in body["messages"]))
    thought = demo_text.tokens(choice.reasoning)
    said = max(1, thought + demo_text.tokens(choice.text))
    counted: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": said * choices,
        "total_tokens": prompt + said * choices,
    }
    if thought:
        counted["completion_tokens_details"] = {"reasoning_tokens": thought * choices}
    return counted


def _tool(body: Body) -> Tool | None:
    """Give the tool to call, if any."""
    offered = _offered(body)
    choice = body.get("tool_choice", "auto" if offered else "none")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        allowed = [_name(tool) for tool in choice["allowed_tools"]["tools"]]
        offered = [tool for tool in offered if tool.name in allowed]
        choice = choice["allowed_tools"].get("mode", "auto")
    if isinstance(choice, dict):
        offered = [tool for tool in offered if tool.name == _name(choice)]
    elif choice == "none" or (choice == "auto" and _last(body).get("role") != "user"):
        return None
    if not offered and choice != "auto":
        message = "tool_choice asks for a tool that is not among the tools. Name one that is."
        raise InvalidRequestError(message, param="tool_choice")
    return next((tool for tool in offered if tool.kind == "function"), offered[0] if offered else None)


def _offered(body: Body) -> list[Tool]:
    tools = []
    for index, entry in enumerate(body.get("tools", ())):
        kind = entry["type"]
        if kind in ("function", "custom"):
            schema = entry[kind].get("parameters") or {}
            tools.append(Tool(entry[kind]["name"], kind, schema, f"tools[{index}].function.parameters"))
    return tools


def _name(choice: object) -> str | None:
    inner = choice.get(choice.get("type")) if isinstance(choice, dict) else None
    return inner.get("name") if isinstance(inner, dict) else None


def _call(tool: Tool, body: Body) -> Answer:
    plan = f"A call of the tool {tool.name} will do."
    if tool.kind == "custom":
        return Answer(plan, demo_text.quoted(_asked(body), demo_text.QUOTE_CHARS) or "hello", tool)
    arguments = _sample({"type": "object", **tool.schema}, "text", tool.param)
    return Answer(plan, demo_text.compact(arguments), tool, is_json=True)


def _schema(body: Body) -> object:
    """Give the schema that the answer has to fit, if any."""
    wanted = body.get("response_format", {})
    if wanted.get("type") == "json_schema":
        return wanted["json_schema"].get("schema") or {"type": "object"}
    if wanted.get("type") == "json_object":
        return {"const": {"model": "demo", "asked": demo_text.quoted(_asked(body), demo_text.QUOTE_CHARS)}}
    return None


def _sample(schema: object, name: str, param: str) -> Any:
    try:
        return sample.sample(schema, name)
    except sample.NoSampleError as error:
        message = f"The demo model found no value that is valid against the schema in {param}. Try a simpler one."
        raise InvalidRequestError(message, param=param, code="unsupported_value") from error


def _text(body: Body, model: str) -> str:
    last = _last(body)
    if last.get("role") in ("tool", "function"):
        return demo_text.result(demo_text.content(last))
    asked = _asked(body)
    return demo_text.counting(asked) or demo_text.page(asked, model)


def _last(body: Body) -> Mapping[str, Any]:
    """Give the message to answer; instructions may follow it."""
    spoken = (message for message in reversed(body["messages"]) if message["role"] not in ("system", "developer"))
    return next(spoken, {})


def _asked(body: Body) -> str:
    users = (message for message in reversed(body["messages"]) if message["role"] == "user")
    return demo_text.content(next(users, {}))


def _reasoning(body: Body, plan: str) -> str:
    return "" if body.get("reasoning_effort", "none") == "none" else demo_text.reasoning(_asked(body), plan)


def _cut(whole: Answer, body: Body) -> Answer:
    """Cut at the first stop sequence, which is for content only, and at the limit of tokens, which is for all."""
    text, finish_reason = whole.text, whole.finish_reason
    if whole.tool is None:
        stops = body.get("stop", ())
        found = [text.find(stop) for stop in ([stops] if isinstance(stops, str) else stops) if stop in text]
        text = text[: min(found, default=len(text))]
    limits = [body[name] for name in ("max_tokens", "max_completion_tokens") if name in body]
    reasoning = whole.reasoning
    if limits and demo_text.tokens(reasoning) + demo_text.tokens(text) > min(limits):
        reasoning = reasoning[: demo_text.TOKEN_CHARS * min(limits)]
        text = text[: demo_text.TOKEN_CHARS * (min(limits) - demo_text.tokens(reasoning))]
        finish_reason = "length"
    # A call whose arguments were never begun is no call.
    tool = whole.tool if text else None
    return replace(whole, reasoning=reasoning, text=text, tool=tool, finish_reason=finish_reason)
