r"""
The short way for a stream's usual event: one chunk with one piece of text, and all else as in the event before it.

Such an event has been decoded once; of the next ones only the text is. It is read as an event, decoded and put right
by the long way (``sse``, ``json_text``, ``normalise``) as soon as anything else in it differs, and the long way is also
where the usual event is learned from. It saves nine tenths of what a chunk costs to read.

Why the two give the same: what stands before and after the text was tried with another text, which came out as the
text of the chunk; so a string that stands there is that text, and nothing else of the chunk hangs on it. Whether it is
a string decides orjson, for all events of a read at once: between two texts goes a line end, which no string can hold,
so that as many strings as there are texts can only be one in each place.
"""

import re
from typing import Any

import orjson

from llms.wire import json_text

_MAX_BYTES = 2 << 10
"""The longest event that is learned, its text apart. Real ones have 150 to 500 bytes."""

_TRIES = 4
"""How often a stream is learned from without a gain; of some services every chunk is different."""

_LESSON = 3
"""Events before the second text, if the first one says the role and the other ones are usual."""

_NAMES = {"content": "content", **dict.fromkeys(("reasoning_content", "reasoning", "thinking"), "reasoning_content")}
"""Keys of a delta under which the text may be, and those under which it is sent on."""

_TEXT = re.compile(rb'"(?:content|reasoning_content|reasoning|thinking)": ?"([^"\\]+)"')
_NOISE = re.compile(rb'(.+"obfuscation": ?)"[0-9A-Za-z]+("\})', re.DOTALL)
"""OpenAI ends chunks with letters that nobody needs, so that their length does not tell what is in them."""

_PROBE = "~" * 600
"""A text that no service sends, so long that ``json_text`` looks for deep nesting, too."""


Run = tuple[int, int, str, list[str]]
"""Usual events in a read: where they begin, where they end, the key of their texts, the texts. None is empty."""


class UsualEvents:
    """Knows the usual event of one stream, once it has seen it."""

    def __init__(self) -> None:
        self._name = ""  # the key under which the text is sent on
        self._start = b""  # of an event, up to its text; empty while none is known
        self._middle = b""  # from the text to the noise's quote; empty where there is none
        self._end = b""
        self._between = b""
        self._tries = _TRIES

    def learn(self, payload: bytes, name: str, text: str) -> None:
        """
        Learn from an event that the long way has read, if it is worth it.

        Args:
            payload: Its data.
            name: The key of the text of its chunk, which says nothing else but, maybe, the usage.
        """
        if not self._tries:
            return
        self._tries -= 1
        if self._is_known(b"data: " + payload + b"\n\n"):  # but came cut in two
            return
        found = _TEXT.search(payload)
        if found is None or len(payload) - len(found[1]) > _MAX_BYTES or text == _PROBE or b"\n" in payload:
            return
        head, tail = payload[: found.start(1)], payload[found.end(1) :]
        try:
            raw = json_text.loads(head + _PROBE.encode() + tail)
        except ValueError:  # nested too deeply, which is not looked for in a short event
            return
        if raw.get("usage") or raw.get("x_groq") or usual_text(raw) != (name, _PROBE):
            return
        self._name = name
        noise = _NOISE.fullmatch(tail)
        self._middle, tail = noise.groups() if noise else (b"", tail)
        self._start, self._end = b"data: " + head, tail + b"\n\n"
        self._between = self._end + self._start

    def lesson(self, data: bytes) -> int:
        """Give how many bytes of a read to take the long way before it is looked in again; 0 if none or all of it."""
        if self._start or not self._tries:
            return 0
        *events, rest = data.split(b"\n\n", _LESSON)
        return len(data) - len(rest) if len(events) == _LESSON else 0

    def find(self, data: bytes) -> Run | None:
        """Give the first usual events of a read that follow on one another, if there are any."""
        if not self._start or len(data) > json_text.MAX_BRACKETS:  # which are then not to be counted
            return None
        if data.startswith(self._start) and data.endswith(self._end):  # so is nearly every read
            start, stop = 0, len(data)
            texts = data[len(self._start) : -len(self._end)].split(self._between)
        elif 0 < data.find(b"\n\n") + 1 < len(data) - 1:  # else it is one event, or none
            start, texts, stop = self._cut(data)
        else:
            return None
        decoded = _strings(_quiet(texts, self._middle) if self._middle else texts)
        if not decoded:
            return None
        self._tries = _TRIES
        return start, stop, self._name, decoded

    def _is_known(self, event: bytes) -> bool:
        start, end = self._start, self._end
        return start != b"" and event.startswith(start) and event.endswith(end) and self._middle in event

    def _cut(self, data: bytes) -> tuple[int, list[bytes], int]:
        """Cut out what may be usual events, between something else."""
        start = data.find(self._start)
        if start < 0:
            return 0, [], 0
        *texts, last = data[start + len(self._start) :].split(self._between)
        last, ended, rest = last.partition(self._end)
        if ended:
            return start, [*texts, last], len(data) - len(rest)
        return start, texts, len(data) - len(last) - len(self._start)


def usual_text(raw: dict[str, Any]) -> tuple[str, str] | None:
    """
    Give the text of a chunk that has one choice, one piece of text and nothing else, the usage apart.

    Returns:
        ``content`` or ``reasoning_content``, and the text, which is not empty.
    """
    choices = raw.get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choice := choices[0], dict):
        return None
    get = choice.get
    delta, found = get("delta"), None
    if not isinstance(delta, dict) or get("index") != 0:
        return None
    for name, value in delta.items():
        if value and name != "role":  # some say it in every chunk
            sent_on = _NAMES.get(name)
            if found is not None or sent_on is None or not isinstance(value, str):
                return None
            found = sent_on, value
    return None if get("finish_reason") or get("logprobs") or not _MORE.isdisjoint(choice) else found


_MORE = frozenset({"usage", "x_groq", "error", "object", "type"})
"""Keys of a choice under which services are known to say what the long way looks at."""


def _quiet(texts: list[bytes], middle: bytes) -> list[bytes]:
    """Give the texts without the noise; none at all if it is something else."""
    quiet: list[bytes] = []
    for text in texts:
        rest, _, noise = text.rpartition(b'"')
        if not noise.isalnum() or not rest.endswith(middle):
            return []
        quiet.append(rest[: -len(middle)])
    return quiet


def _strings(texts: list[bytes]) -> list[str]:
    """Decode the insides of JSON's strings; none at all if one is no such thing, or is empty."""
    try:
        strings: list[str] = orjson.loads(b'["' + b'",\n"'.join(texts) + b'"]')
        "".join(strings)  # which takes nothing but strings
    except (orjson.JSONDecodeError, TypeError):
        return []
    return strings if len(strings) == len(texts) and all(strings) else []
