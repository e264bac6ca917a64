"""
The whole answer that nearly all are, put right in one step: one choice, its text, a known end, and nothing else.

It gives what the long way (``normalise.completion``) gives, at a fifth of the cost, or gives up: whatever the long
way would look at twice is left to it. A test holds the two together.
"""

from typing import Any

from llms.records import Call, Completion
from llms.wire import chunks
from llms.wire.about import about


def usual_answer(call: Call, raw: dict[str, Any]) -> Completion | None:
    """
    Put a whole answer right if it is such a one; else give ``None``.

    Args:
        raw: It has a list of choices and no error of its own, and no reasoning is looked for in its text.
    """
    choice = raw["choices"][0] if len(raw["choices"]) == 1 else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict) or _says_more(choice, message):
        return None
    content, reason = message.get("content"), choice.get("finish_reason")
    reason = chunks.FINISH_REASONS.get(reason) if isinstance(reason, str) else None
    if not isinstance(content, str) or reason is None or raw.get("x_groq"):
        return None
    answer: Completion = {
        "id": chunks.completion_id(call),
        "object": "chat.completion",
        "created": call.started_at,
        "model": call.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": None},
                "logprobs": None,
                "finish_reason": reason,
            }
        ],
        **about(raw),
    }
    if (usage := raw.get("usage")) and (counted := chunks.usage(usage)):
        answer["usage"] = counted
    return answer


def _says_more(choice: dict[str, Any], message: dict[str, Any]) -> bool:
    """Whether a choice holds more than its text and its end, wherever services are known to keep it."""
    for name, value in message.items():
        if value and name not in _READ:
            return True
    get = choice.get
    return bool(get("logprobs") or get("usage") or get("x_groq") or get("error") or get("object") or get("type"))


_READ = ("content", "role")
