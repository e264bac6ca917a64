"""
What a call may take, before it is sent, and what it has taken where nobody says so; pure.

Tokens are estimated without the model's tokenizer, from lengths. English has some four bytes to a token, code three;
other scripts, whose letters UTF-8 writes with two to four bytes, have about as many. So three bytes to a token, rounded
up, are seldom too few. A usual request is not even looked into: the length of its JSON is what counts, quotes and names
of fields included, which is what a chat's frame costs anyway. Only one that holds pictures, sounds or files is walked
through, since their base64 is no text: each of them counts for a fixed number of tokens.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from llms.prices import Price, Prices, most
from llms.records import Call, Target, Usage
from llms.values import value
from llms.wire import json_text

BYTES_PER_TOKEN = 3

MEDIA = {"image_url": 1536, "input_audio": 1500, "video_url": 20_000, "file": 10_000}
"""
Tokens of a part of a message, by its type: a picture of OpenAI's largest size (1,536 patches), two minutes and a half
of sound, a minute of moving pictures, ten pages.
"""

_WALKED = ("messages", "input")
"""Fields whose texts are counted one by one. Of all others the JSON is: a model reads the names in a schema, too."""

_MESSAGE = 4
_TOOL = 8
"""Tokens of a frame, around a message and around a tool."""

_WORST = 3
"""Bytes that are a token each, as chance signs are, make three times as many as estimated."""

_WORST_MEDIA = 40
"""GPT-4o mini counts 33 times as many tokens for a picture as its price is lower."""

_ADDED = 1 << 15
"""Tokens that a provider may add to a request: a prompt of its own, what a search has found."""

_LONGEST_ANSWER = 1 << 20
"""Tokens; of models of which nothing is known. The longest answers that are sold have 1,000,000."""


@value
class Estimate:
    """
    What a call may take.

    Args:
        input_tokens: Going in.
        output_tokens: At most coming out, of all choices together.
        cost: Micro-dollars, of that target which may cost most.
        most_input: More than so many cannot be, whatever a provider says.
        most_output: As well.
        prices: Of its targets, as they are now: one that changes while it runs changes nothing for it.
    """

    input_tokens: int
    output_tokens: int
    cost: int
    most_input: int
    most_output: int
    prices: Sequence[tuple[Target, Price | None]] = ()

    def price(self, target: Target) -> Price | None:
        """Give what a target cost when the call was admitted; ``None`` if that was not known."""
        for one, price in self.prices:
            if one is target or (one.model == target.model and one.provider == target.provider):
                return price
        return None


def before(call: Call, targets: Iterable[Target], prices: Prices, assumed: int) -> Estimate:
    """
    Give what a call may take, whichever of its targets answers it.

    Args:
        targets: Those that may be tried. One without a price costs nothing here.
        assumed: Tokens of an answer, for a request that sets no limit, if the model cannot give as many.
    """
    text, media = _size(call)
    tokens = text + media
    out = highest = cost = 0
    body = call.body
    answers = call.api != "embeddings"
    priced = []
    for target in targets:
        price, longest = prices.known(target)
        priced.append((target, price))
        may, can = _output(target.asked(body), longest, assumed) if answers else (0, 0)
        out, highest = max(out, may), max(highest, can)
        if price is not None and (dearest := most(price.at(body.get("service_tier")), tokens, may)) > cost:
            cost = dearest
    return Estimate(tokens, out, cost, text * _WORST + media * _WORST_MEDIA + _ADDED, highest, priced)


def counted(usage: Usage | None, estimate: Estimate, seen_bytes: int) -> tuple[Usage, bool]:
    """
    Give what a call has taken that a provider has worked on, and whether that is exact.

    What the provider says counts for as much of it as can be true.

    Args:
        usage: What the provider said, if anything; see ``llms.wire.chunks.usage`` for what was refused before.
        estimate: Of the call.
        seen_bytes: Of the answer's text, as far as it came; see ``llms.wire.meter``.
    """
    if usage is None:
        return Usage(estimate.input_tokens, output_tokens(seen_bytes)), False
    into, out = usage.input_tokens, usage.output_tokens
    if 0 <= into <= estimate.most_input and 0 <= out <= estimate.most_output:
        return usage, True
    if not 0 <= into <= estimate.most_input:
        into = estimate.input_tokens
    if not 0 <= out <= estimate.most_output:
        out = min(output_tokens(seen_bytes), estimate.most_output)
    read, written, reasoning = usage.cached_tokens, usage.cache_write_tokens, usage.reasoning_tokens
    return Usage(into, out, min(read, into), min(reasoning, out), min(written, max(into - read, 0))), False


def output_tokens(seen_bytes: int) -> int:
    """Give about how many tokens an answer of so many bytes of text has."""
    return -(-seen_bytes // BYTES_PER_TOKEN)


def text_bytes(given: object) -> int:
    """Give the bytes of all texts within a value, as UTF-8, pictures, sounds and files aside."""
    total = 0
    waiting = [given]  # a stack, since a client decides how deep it goes
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            total += len(item) if item.isascii() else len(item.encode("utf-8", "surrogatepass"))
        elif isinstance(item, dict):
            waiting += [inner for key, inner in item.items() if key not in MEDIA]
        elif isinstance(item, list):
            waiting += item
    return total


def _size(call: Call) -> tuple[int, int]:
    """Give the tokens of a request's text, and of its other parts."""
    body = call.body
    messages = body.get("messages")
    media = 0
    if isinstance(messages, list):
        for message in messages:
            if isinstance(content := message.get("content"), list):
                media += sum(_media(content))
    if call.bytes_in and not media:
        return -(-call.bytes_in // BYTES_PER_TOKEN), 0
    rest = {name: part for name, part in body.items() if name not in _WALKED}
    size = text_bytes(messages) + text_bytes(body.get("input")) + len(json_text.dumps(rest))
    frames = _MESSAGE * len(messages or ()) + _TOOL * len(body.get("tools") or ())
    return -(-size // BYTES_PER_TOKEN) + frames + _tokens(body.get("input")), media


def _media(content: Iterable[Any]) -> Iterator[int]:
    return (MEDIA.get(part.get("type", ""), 0) for part in content if isinstance(part, dict))


def _tokens(given: object) -> int:
    """Give how many tokens an input holds that is one of tokens, or of several such."""
    if not isinstance(given, list):
        return 0
    return sum(len(part) if isinstance(part, list) else isinstance(part, int) for part in given)


def _output(body: Mapping[str, Any], longest: int | None, assumed: int) -> tuple[int, int]:
    """Give how many tokens an answer may have, as far as is known, and how many it can have at all."""
    limit, other, choices = body.get("max_tokens"), body.get("max_completion_tokens"), body.get("n")
    limit = 0 if limit is None else _count(limit)
    limit = limit if other is None else max(limit, _count(other))
    choices = 1 if choices is None else _count(choices) or 1
    if limit:
        return limit * choices, max(limit + _ADDED, 2 * limit, longest or 0) * choices
    return min(assumed, longest or assumed) * choices, (2 * longest if longest else _LONGEST_ANSWER) * choices


def _count(given: object) -> int:
    return given if isinstance(given, int) and given > 0 else 0
