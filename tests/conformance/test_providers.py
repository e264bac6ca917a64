"""Checks 52, 53, 55 and 56: what is peculiar to AI Refinery, by the wire, and to Ollama."""

import openai as official
import pytest

from tests.conformance import answers
from tests.conformance.dialects import UPSTREAM_MODEL, Answer
from tests.conformance.test_failures import failure, nobody
from tests.conformance.users import MODEL
from tests.upstream import ollama


@pytest.mark.parametrize("joined", [True, False])
async def test_check_52_a_comment_of_ai_refinery(house, joined):
    """A comment in mid-stream, at which AI Refinery's SDK stops, is skipped: the text is whole."""
    running = await house("airefinery")
    running.says(Answer(pieces=("1 ", b": ping\n\n", "2 ", b"event: ping\n\n", "3")), joined=joined)

    raw = answers.stream(await running.ask(stream=True))

    assert ("1 2 3", "stop") == (raw.text(), raw.finish)


KEPT = f"Project {UPSTREAM_MODEL} is paused."
REFUSALS = {
    401: (502, "upstream_auth_error", "refused the gateway's key", None),
    404: (404, "model_not_found", f"The model '{MODEL}' does not exist", None),
    422: (422, "invalid_value", f"Project {MODEL} is paused.", None),
    429: (429, "rate_limit_exceeded", f"Project {MODEL} is paused.", "7"),
    500: (502, "upstream_error", f"Project {MODEL} is paused.", "7"),
}


@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize("stream", [True, False])
async def test_check_53_refusals_of_ai_refinery(house, status, stream):
    """
    A refusal's text reaches the client, with the client's name for the model, and its wait.

    Not so where the gateway knows better what the client can do: a refused key, a model that is not there.
    """
    running = await house("airefinery")
    text = f"The model {UPSTREAM_MODEL} does not exist." if status == 404 else KEPT
    running.plays(running.wire.refuses(status, text, [("Retry-After", "7")]))

    response = await running.ask(stream=stream)

    found, error = answers.refusal(response)
    own_status, code, said, wait = REFUSALS[status]
    assert (own_status, code, wait) == (found, error["code"], response.header("retry-after"))
    assert said in error["message"]


async def test_check_55_ollama_is_not_running(house):
    """Without an Ollama there is a 502 with the hint to start it."""
    with nobody() as url:
        running = await house("ollama", url=url)

        status, error = answers.refusal(await running.ask(stream=True))

    assert (502, "upstream_unreachable") == (status, error["code"])
    assert "ollama serve" in error["message"]


@pytest.mark.parametrize("stream", [True, False])
async def test_check_55_a_model_that_ollama_does_not_have(house, stream):
    """A model that is not pulled is a 404, by the client's name for it, with the hint to pull it."""
    running = await house("ollama")
    running.plays(ollama.error(404, f'model "{UPSTREAM_MODEL}" not found, try pulling it first'))

    status, error = answers.refusal(await running.ask(stream=stream))

    assert (404, "model_not_found") == (status, error["code"])
    assert f"'{MODEL}'" in error["message"]
    assert "ull it" in error["message"]
    assert UPSTREAM_MODEL not in error["message"]


@pytest.mark.parametrize("stream", [True, False])
async def test_check_55_a_model_that_does_not_think(house, stream):
    """A model that refuses to be told how hard to think is asked again without, once."""
    running = await house("ollama")
    refusal = ollama.error(400, f'"{UPSTREAM_MODEL}" does not support thinking')
    running.plays(refusal, running.wire.says(Answer()))

    response = await running.ask(stream=stream, reasoning_effort="high")

    assert ["high", None] == [request.json.get("think") for request in running.sent]
    if stream:
        assert "1 2 3" == answers.stream(response).text()
    else:
        assert "1 2 3" == answers.completion(response)["choices"][0]["message"]["content"]


async def test_check_56_ollama_fails_in_mid_stream(house, kind):
    """An error line in mid-stream is raised, with its text, after the chunks before it."""
    running = await house("ollama")
    running.plays(
        ollama.chat_lines(["1 ", "2 ", ollama.error_line("model runner has unexpectedly stopped")], done=False)
    )

    error, chunks = await failure(running, kind, stream=True)

    assert official.APIError is type(error)
    assert "model runner has unexpectedly stopped" == error.message
    assert ["1 ", "2 "] == [chunk.choices[0].delta.content for chunk in chunks]


@pytest.mark.parametrize("stream", [True, False])
async def test_check_56_ollama_fails_at_its_first_line(house, stream):
    """An error line in place of the first token comes with a status of its own."""
    running = await house("ollama")
    running.plays(ollama.chat_lines([ollama.error_line("out of memory")], done=False))

    status, error = answers.refusal(await running.ask(stream=stream))

    assert (502, "out of memory") == (status, error["message"])
