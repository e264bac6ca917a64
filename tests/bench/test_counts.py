import pytest

from tests.bench.counts import Count, CountError, Verdict, compared, differences, each, judged, table, total

DUMP = """# callgrind format
version: 1
desc: Trigger: --dump-before=getppid

part: 2
events: Ir
summary: 1421035

fn=(12) unicode_hash
10 42

totals: 1421036
"""


def verdicts(before, now, tolerance=0.03):
    return {count.name: count.verdict for count in compared(before, now, tolerance)}


def test_the_total_of_a_dump():
    """It is what callgrind has added up itself."""
    assert 1421036 == total(DUMP)


def test_a_dump_cut_short():
    """A dump without its last line gives no number at all."""
    with pytest.raises(CountError, match="without a total"):
        total(DUMP.partition("totals")[0])


def test_what_comes_before_and_between_the_runs_does_not_count():
    """Twice the runs less once is the runs: the start, the marks and the loop's beginning are in neither."""
    assert {"a": 500, "b": 31} == each(["a", "b"], [10**9, 1_070, 2_070, 10**6, 80, 142], 2)


def test_marks_that_callgrind_has_not_seen():
    """Counts are not given to the wrong functions."""
    with pytest.raises(CountError, match="3 dumps where 6 marks"):
        each(["a", "b"], [1, 2, 3], 2)


def test_only_what_differs_by_more_than_the_tolerance_differs():
    """Up to the tolerance, either way, a count is the same."""
    before = dict.fromkeys(("same", "just", "more", "less"), 1000)

    found = verdicts(before, {"same": 1000, "just": 1030, "more": 1031, "less": 969})

    assert {"same": Verdict.SAME, "just": Verdict.SAME, "more": Verdict.MORE, "less": Verdict.LESS} == found


def test_functions_that_only_one_side_knows():
    """They are told, those of git last."""
    found = verdicts({"old": 10, "kept": 20}, {"added": 30, "kept": 20})

    assert [("added", Verdict.NEW), ("kept", Verdict.SAME), ("old", Verdict.GONE)] == [*found.items()]


@pytest.mark.parametrize(
    ("now", "words", "fine"),
    [
        ({"a": 100, "b": 100}, "As in git.", True),
        ({"a": 120, "b": 50}, "More work than before.", False),
        ({"a": 100, "b": 50}, "Less work than before.", True),
        ({"a": 100}, "are of other functions", False),
        ({"a": 100, "b": 100, "c": 1}, "are of other functions", False),
    ],
)
def test_more_instructions_fail_and_fewer_are_told(now, words, fine):
    """So do functions without numbers, and numbers without functions."""
    judgement = judged(compared({"a": 100, "b": 100}, now, 0.03))

    assert words in judgement.words
    assert fine == judgement.fine


def test_numbers_of_another_build_are_shown_and_not_judged():
    """A new release of a package breaks no build; what differs is said."""
    others = differences({"orjson": "3.10.0", "libc": "glibc 2.36"}, {"orjson": "3.11.0", "libc": "glibc 2.36"})

    judgement = judged(compared({"a": 100}, {"a": 200}, 0.03), others)

    assert ["orjson 3.11.0 instead of 3.10.0"] == others
    assert "Not judged: counted with orjson 3.11.0 instead of 3.10.0." in judgement.words
    assert judgement.fine


def test_what_only_one_side_was_counted_with_differs_too():
    """A name that git does not know yet, or that is gone."""
    assert ["a none instead of 1", "b 2 instead of none"] == differences({"a": "1"}, {"b": "2"})


def test_the_table():
    """A line each, numbers under each other."""
    found = [
        Count("head", 41_000, 43_050, Verdict.MORE),
        Count("body", None, 900, Verdict.NEW),
        Count("log", 12, None, Verdict.GONE),
    ]

    expected = """\
instructions a run  in git     now
head                41,000  43,050  +5.0%  more
body                     –     900         new
log                     12       –         gone"""
    assert expected == table(found)
