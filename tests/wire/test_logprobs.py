import pytest

from llms.wire.logprobs import logprobs

TOP = {"token": "b", "logprob": -2.0, "bytes": [98]}


@pytest.mark.parametrize("raw", [None, [], {}, {"content": []}, {"content": None, "refusal": []}, {"tokens": ["a"]}])
def test_none(raw: object) -> None:
    """What no client could read is null."""
    assert None is logprobs(raw)


def test_completed() -> None:
    """Check 40: every key that OpenAI's document requires is there; entries that are none are left out."""
    raw = {
        "content": [{"token": "a", "logprob": -1, "top_logprobs": [TOP, {"token": "c", "logprob": "x"}], "id": 5}, 7],
        "refusal": [{"token": "n", "logprob": -1.5, "bytes": "x", "top_logprobs": None}, {"logprob": -1}],
    }

    assert {
        "content": [{"token": "a", "logprob": -1, "bytes": None, "top_logprobs": [TOP]}],
        "refusal": [{"token": "n", "logprob": -1.5, "bytes": None, "top_logprobs": []}],
    } == logprobs(raw)
