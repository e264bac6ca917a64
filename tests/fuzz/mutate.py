"""
Changes an input a little: its bytes, or the JSON in it, so that most of what comes out still gets past the decoder.

Plain Python and a seed, so that it works without a fuzzing engine, and repeats.
"""

import json
import random
import re
from collections.abc import Callable
from typing import Any

MAX_BYTES = 2048

KEYS = re.findall(
    r"\w+",
    "id object created model choices index delta message content role tool_calls function name arguments type custom"
    " input finish_reason logprobs token logprob bytes top_logprobs refusal usage prompt_tokens completion_tokens"
    " total_tokens prompt_tokens_details cached_tokens completion_tokens_details reasoning_tokens error code param"
    " status reasoning_content reasoning reasoning_details thinking text summary extra_content annotations audio data"
    " transcript function_call service_tier system_fingerprint x_groq done done_reason eval_count prompt_eval_count"
    " embedding embeddings detail msg metadata raw messages prompt stream stream_options include_usage tools"
    " tool_choice functions stop n max_tokens max_completion_tokens temperature response_format json_schema schema"
    " reasoning_effort effort enabled budget_tokens logit_bias user image_url url dimensions encoding_format suffix"
    " best_of echo tool_call_id parameters strict mode allowed_tools server providers models keys base_url api_key"
    " host port targets provider via properties required items enum const anyOf oneOf allOf not minItems maxItems minLength"
    " maxLength pattern minimum maximum multipleOf additionalProperties uniqueItems contains prefixItems",
)

VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        2,
        -1,
        127,
        128,
        10**9,
        2**53,
        2**64,
        10**30,
        -(2**63),
        0.5,
        1e300,
        -0.0,
        "",
        "0",
        "7",
        " ",
    ),
    *(
        "a",
        "assistant",
        "user",
        "tool",
        "stop",
        "length",
        "tool_calls",
        "error",
        "function",
        "custom",
        "text",
        "call_1",
    ),
    *("<think>", "</think>", "<th", "ink>", "\n", "{}", "[DONE]", "\ud83d", "\ude00", "\u2028", "\r\n\ndata: x", "\0"),
    *("canary-5f2d9b7c41", "sk-abcdefgh", "http://10.0.0.1/x", "data:image/png;base64,AAAA", "image_url", "x" * 600),
    *([], {}, [[]], [{}], [None], {"": ""}, {"index": 10**9}, {"type": "text", "text": "a"}, {"message": "no"}),
)

TOKENS = (
    *(
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\r\r",
        b"\xef\xbb\xbf",
        b"data: ",
        b"data:",
        b"data",
        b"event: ",
        b"event: error\n",
    ),
    *(
        b"event: ping\n",
        b": c\n",
        b"id: 1\n",
        b"retry: 5\n",
        b"data: [DONE]\n\n",
        b"[DONE]",
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
    ),
    *(
        b",",
        b":",
        b"null",
        b"NaN",
        b"Infinity",
        b"1e999",
        b"-",
        b"\\",
        b"\\u",
        b"\\ud83d",
        b"\\ude00",
        b"\xff",
        b"\xc3",
    ),
    *(
        b"\xf0\x9f\x98\x80",
        b"\0",
        b"/",
        b"//",
        b"%2f",
        b"..",
        b"?",
        b"#",
        b" ",
        b"\t",
        b"<think>",
        b"</think>",
        b"1" * 40,
    ),
    *(b"[" * 200, b'{"a":' * 200, b"x" * 100, b"Bearer ", b"sk-", b"canary-5f2d9b7c41", b"10.0.0.1:80", b"$LLMS_KEY"),
)


def mutate(data: bytes, chance: random.Random, form: str, other: bytes = b"") -> bytes:
    """
    Give another input.

    Args:
        form: Of which the target's input is: ``sse``, ``ndjson``, ``json`` or ``text``.
        other: Another input, to take pieces of.
    """
    for _ in range(chance.choice((1, 1, 2, 4))):
        if form != "text" and chance.random() < 0.6:
            data = _structured(data, chance, form)
        else:
            data = chance.choice(_CHANGES)(data, chance, other)
    return data[:MAX_BYTES]


def _structured(data: bytes, chance: random.Random, form: str) -> bytes:
    lines = [data] if form == "json" else data.split(b"\n")
    held = [place for place, line in enumerate(lines) if b"{" in line]
    if not held:
        return data
    place = chance.choice(held)
    start = lines[place].index(b"{")
    try:
        value = json.loads(lines[place][start:])
        changed = json.dumps(_changed(value, chance), separators=(",", ":"), ensure_ascii=chance.random() < 0.5)
        lines[place] = lines[place][:start] + changed.encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return data
    if form != "json" and chance.random() < 0.2:
        lines[place : place + 1] = lines[max(0, place - 1) : place + 1] * 2
    return b"\n".join(lines)


def _changed(value: Any, chance: random.Random) -> Any:
    """Change one place in a JSON value."""
    if isinstance(value, dict | list) and value and chance.random() < 0.85:
        if isinstance(value, dict):
            name = chance.choice(list(value))
            return {**value, name: _changed(value[name], chance)}
        place = chance.randrange(len(value))
        return [*value[:place], _changed(value[place], chance), *value[place + 1 :]]
    if isinstance(value, dict):
        kept = {name: inner for name, inner in value.items() if chance.random() < 0.9}
        return {**kept, chance.choice(KEYS): chance.choice(VALUES)}
    if isinstance(value, list):
        return chance.choice((value * 2, value[1:], [*value, chance.choice(VALUES)], value[::-1]))
    if isinstance(value, str) and chance.random() < 0.4:
        cut = chance.randint(0, len(value))
        return value[:cut] + chance.choice([text for text in VALUES if isinstance(text, str)]) + value[cut:]
    return chance.choice((chance.choice(VALUES), [value], {chance.choice(KEYS): value}))


def _insert(data: bytes, chance: random.Random, _: bytes) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + chance.choice(TOKENS) + data[at:]


def _overwrite(data: bytes, chance: random.Random, _: bytes) -> bytes:
    at = chance.randint(0, len(data))
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _remove(data: bytes, chance: random.Random, _: bytes) -> bytes:
    start, end = sorted(chance.randint(0, len(data)) for _ in range(2))
    end = min(end, start + chance.choice((1, 8, 64)))
    return data[:start] + data[end:]


def _repeat(data: bytes, chance: random.Random, _: bytes) -> bytes:
    start, end = sorted(chance.randint(0, len(data)) for _ in range(2))
    return data[:end] + data[start:end] * chance.choice((1, 1, 3, 20)) + data[end:]


def _splice(data: bytes, chance: random.Random, other: bytes) -> bytes:
    start, end = sorted(chance.randint(0, len(other)) for _ in range(2))
    at = chance.randint(0, len(data))
    return data[:at] + other[start:end] + data[at:]


_CHANGES: tuple[Callable[[bytes, random.Random, bytes], bytes], ...] = (_insert, _overwrite, _remove, _repeat, _splice)
