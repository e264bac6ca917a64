import json

import pytest

from tests.soak import faults, judge, report
from tests.soak.client import Outcome
from tests.soak.faults import FAULTS, Fault
from tests.soak.plan import Plan, read
from tests.soak.report import Figure
from tests.soak.sample import quantile, slope

PLAN = Plan("c1", words=3)
RIGHT = {"status": 200, "text": PLAN.text, "finish": "stop", "complete": True, "done": 1}
CUT = Fault(True, "alone", 200, "upstream_truncated")


def test_a_plan_survives_the_way_to_the_provider():
    """The provider reads the plan that the client wrote."""
    plan = Plan("c1", words=7, every_s=0.5, pad=3, faults={"a": "U05"}, at=2)

    assert (plan, True) == read(json.dumps(plan.request("m", stream=True)).encode())


def test_a_right_answer_is_right():
    """Nothing is said against the answer that the plan asks for."""
    assert "" == judge.of_right(PLAN, Outcome(**RIGHT), stream=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": PLAN.text[:-2]},
        {"text": PLAN.text.replace("c1", "c2")},
        {"done": 0},
        {"done": 2},
        {"finish": "length"},
        {"complete": False},
        {"status": 502, "code": "upstream_truncated"},
        {"trouble": "reset"},
    ],
    ids=str,
)
def test_an_answer_that_is_not_exactly_right_is_wrong(wrong):
    """A word that is missing or another call's, an end that is missing or said twice: all is seen."""
    assert judge.of_right(PLAN, Outcome(**{**RIGHT, **wrong}), stream=True)


def test_a_fault_has_to_end_in_its_error():
    """A cut stream that ends well is as wrong as another error."""
    told = Outcome(status=200, code="upstream_truncated", text="c1-0 ", complete=True)

    assert "" == judge.of_faulted(PLAN, CUT, told)
    assert judge.of_faulted(PLAN, CUT, Outcome(**RIGHT))
    assert judge.of_faulted(PLAN, CUT, Outcome(status=502, code="upstream_disconnected", complete=True))
    assert judge.of_faulted(PLAN, CUT, Outcome(status=200, code="upstream_truncated", text="c9-0 ", complete=True))


def test_what_a_client_that_left_has_got_is_the_beginning():
    """Half an answer is right for whoever left in its middle; another call's is not."""
    assert "" == judge.of_left(PLAN, Outcome(status=200, text="c1-0 "))
    assert judge.of_left(PLAN, Outcome(status=200, text="c2-0 "))


def test_every_fault_is_one_that_the_provider_can_play():
    """No fault of the table is a name that the provider would answer well."""
    played = {*faults.BEFORE, *faults.AMID, "U07", "U08", "U09", "U14", "U36", "U38", "U01"}

    assert {name.split()[0] for name in FAULTS} <= played


def test_the_line_that_fits_best():
    """Its slope is that of the points, and 0 of one."""
    assert 2 == slope([(0, 1), (1, 3), (2, 5)])
    assert 0 == slope([(1, 1)])


def test_a_quantile_is_one_of_the_values():
    """Of a hundred values the 99th per cent is the last but none."""
    assert 99 == quantile(list(range(100)), 0.99)
    assert 0 == quantile([], 0.5)


def test_the_page_keeps_what_was_not_measured_again():
    """Rows of the same figure by the same command are replaced, others stay, in order."""
    page = "x\n<!-- figures -->\n<!-- end -->\ny\n"
    first = report.written(page, [Figure("F15", "a", "1", "2", True), Figure("F6", "b", "1", "", None)], "figures then")
    second = report.written(first, [Figure("F6", "c", "9", "1", False)], "figures now")

    rows = [line for line in second.splitlines() if line.startswith("| F")]
    assert ["| F6 | c | 9 | 1 | **no** | figures now |", "| F15 | a | 1 | 2 | yes | figures then |"] == rows
