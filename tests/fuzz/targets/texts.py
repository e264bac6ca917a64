"""Texts from upstream: errors to be scrubbed, waits to be kept, reasoning between tags."""

from llms.wire.failures import MAX_RETRY_AFTER_S, retry_after_s
from llms.wire.scrub import MAX_TEXT, scrub
from llms.wire.think import MAX_BLANKS, ThinkParser
from tests.fuzz.cuts import ways
from tests.fuzz.streams import CANARY
from tests.fuzz.target import Target

_PART = 8
"""How many characters of a key in a row count as the key."""


def check_scrub(data: bytes, *, thorough: bool) -> None:
    """No key gets through, nor a piece of one, wherever in the text it stands; nor what would end a line of a log."""
    text = data.decode("utf-8", "replace")
    for given in (text, text + CANARY, text[:100] * 40 + CANARY, _filled(text) + CANARY):
        clean = scrub(given, (CANARY,))
        assert len(clean) <= MAX_TEXT
        if all(part not in given.replace(CANARY, "") for part in _PARTS):
            assert not [part for part in _PARTS if part in clean]
        assert not set(clean) & set("\r\n\0\x1b\x85\u2028\u202e")


def _filled(text: str) -> str:
    """Fill up what is read of a text, so that a key behind it is cut in two."""
    size = 4 * MAX_TEXT - _PART - len(CANARY) % (len(text) + 1)
    return (text + " http://" + "x" * 4 * MAX_TEXT)[: size - 1] + " "


_PARTS = tuple(CANARY[at : at + _PART] for at in range(len(CANARY) - _PART + 1))


def check_retry_after(data: bytes, *, thorough: bool) -> None:
    """A wait is one that the gateway would keep, or none; a header to each line."""
    names = ("retry-after", "retry-after-ms", "date")
    values = [line.decode("latin-1") for line in data.split(b"\n")]
    seconds = retry_after_s(dict(zip(names, values, strict=False)))
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_S


def check_think(data: bytes, *, thorough: bool) -> None:
    """Nothing is lost but the tags, and every cut gives the same."""
    text = data.decode("utf-8", "replace")
    for tags in ("tagged", "opened"):
        whole = _thought(ThinkParser(tags), [text])
        for reads in ways(text.encode("utf-32-le"), thorough=thorough):
            assert _thought(ThinkParser(tags), _whole_characters(reads)) == whole
        joined = "".join(whole)
        kept = text.replace("<think>", "", 1).replace("</think>\n", "</think>").replace("</think>", "", 1)
        assert len(text) - len(joined) <= len("<think></think>\n") + MAX_BLANKS
        assert len(joined) >= len(kept.lstrip()) - 1


def _thought(parser: ThinkParser, pieces: list[str]) -> tuple[str, str]:
    thought = said = ""
    for piece in pieces:
        more = parser.feed(piece)
        thought, said = thought + more[0], said + more[1]
    more = parser.close()
    return thought + more[0], said + more[1]


def _whole_characters(reads: list[bytes]) -> list[str]:
    """Give the pieces, cut at the next character where a cut is inside one."""
    pieces, held = [], b""
    for read in reads:
        held += read
        size = len(held) // 4 * 4
        pieces.append(held[:size].decode("utf-32-le"))
        held = held[size:]
    return pieces


TARGETS = (
    Target("scrub", check_scrub, "text"),
    Target("retry_after", check_retry_after, "text"),
    Target("think", check_think, "text"),
)
