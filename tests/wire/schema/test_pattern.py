import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llms.wire.schema import pattern
from llms.wire.schema.pattern import UnsupportedPatternError
from llms.wire.schema.pattern_parser import MAX_GROUPS, MAX_PATTERN, parse

READ = [
    "",
    "abc",
    "^abc$",
    "a|b|cd",
    "^(a|b)+$",
    "^(?:ab)*$",
    "^(?P<year>[0-9]{4})-(?P<month>[0-9]{2})$",
    r"^\d{3}-\d{4}$",
    r"^[A-Z]{2,4}\w*\s?$",
    "^[^a-z]+$",
    "^[a-]$",
    r"^[\w.-]+@[\w-]+\.[a-z]{2,}$",
    r"^\D\W\S$",
    "^.{2,3}?$",
    "^a{2,}b+?$",
    r"^\x41\u0042\t$",
    r"^#[0-9a-fA-F]{6}$",
    r"^[\]\\]$",
    "(a*)*b",
    "^(|a){3}$",
    "^(a|b|){2,5}c$",
    "^[é-ü]$",
    "x^",
    "$y",
]


def nothing(_: int) -> None:
    """Costs nothing."""


@pytest.mark.parametrize("text", READ)
@given(value=st.text("abcdxyAB01-_.@ \t\n#éñ]\\{},3", max_size=12))
def test_matches_what_re_matches(text, value):
    """A pattern means what it means elsewhere, on any text."""
    # Python reads "$" as "before a last newline, too", and \d and \w beyond ASCII; ECMA 262 does neither.
    ours = re.sub(r"\$$", r"\\Z", text)

    matched = pattern.matches(parse(text), value, nothing)

    assert bool(re.search(ours, value, re.ASCII)) == matched


@pytest.mark.parametrize("text", [text for text in READ if text not in ("x^", "$y")])
@pytest.mark.parametrize("more", [0, 1, 3])
def test_sample_matches(text, more):
    """The text made for a pattern matches it."""
    sample = pattern.sample(parse(text), more, 100)

    assert re.search(text, sample, re.ASCII)


@pytest.mark.parametrize(
    ("text", "value"),
    [("^(?<year>[0-9]{4})$", "2026"), (r"^[\d-x]+$", "1-x"), ("^a{,3}$", "a{,3}")],
)
def test_reads_what_python_does_not(text, value):
    """Patterns are those of ECMAScript, where it and Python differ."""
    assert pattern.matches(parse(text), value, nothing)


def test_sample_grows_where_it_may():
    """Open ends of a pattern are filled on request, closed ones are not."""
    node = parse("^a{2}b{1,3}c*$")

    samples = [pattern.sample(node, more, 100) for more in range(4)]

    assert ["aab", "aabbc", "aabbbcc", "aabbbccc"] == samples


@pytest.mark.parametrize(
    "text",
    ["(?=a)b", "(?!a)", "(?<=a)b", r"(a)\1", r"\bword\b", r"\p{L}", "(", ")", "a)", "[a", "*a", "a**", "a{2}{3}?+", "a\\", "(?i)a", "a++"],
)  # fmt: skip
def test_refuses_what_it_cannot_read(text):
    """A pattern beyond us is named as such, not misread."""
    with pytest.raises(UnsupportedPatternError):
        parse(text)


@pytest.mark.parametrize("text", ["a" * (MAX_PATTERN + 1), "(" * (MAX_GROUPS + 1) + ")" * (MAX_GROUPS + 1)])
def test_refuses_what_is_too_long_or_too_deep(text):
    """A pattern cannot exhaust the stack."""
    with pytest.raises(UnsupportedPatternError):
        parse(text)


@pytest.mark.parametrize("text", ["a{999999999}", "(a{99}){99}", "((((a{99}){99}){99}){99}){99}", "[^\\s\\S]"])
def test_sample_is_bounded(text):
    """A pattern cannot ask for a text without end, nor for a character that there is not."""
    with pytest.raises(UnsupportedPatternError):
        pattern.sample(parse(text), 0, 1000)


@pytest.mark.parametrize("text", ["^(a+)+$", "^((((a*)*)*)*)*$", "^(a|a)*$", "^(a|aa)+b*$", "^(a?){400}$"])
def test_evil_patterns_take_no_time(text):
    """A pattern that keeps ``re`` busy for years is matched, or paid for, in no time."""
    spent = 0

    class BrokeError(Exception):
        pass

    def spend(steps: int) -> None:
        nonlocal spent
        spent += steps
        if spent > 20_000:
            raise BrokeError

    started = time.perf_counter()
    try:
        matched = pattern.matches(parse(text), "a" * 300 + "!", spend)
    except BrokeError:
        matched = False

    assert not matched
    assert time.perf_counter() - started < 2


def test_matching_nothing_many_times_ends():
    """A huge count of what may be empty is no work."""
    assert pattern.matches(parse("^(a|){999999999}$"), "aaa", nothing)
    assert not pattern.matches(parse("^(a){999999999}$"), "aaa", nothing)


def test_sample_falls_back_to_any_character():
    """A class of unusual characters gives one of them."""
    assert "é" == pattern.sample(parse("^[é-ü]$"), 0, 10)
