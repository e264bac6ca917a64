"""Ollama's codec as a whole: the bytes of an answer in, chunks, a whole answer or an error out."""

from llms.errors import GatewayError
from llms.providers.ollama_codec import Codec
from llms.records import Block, Call, Completion, Target
from llms.wire.accumulate import Accumulator
from llms.wire.normalise import Normaliser
from tests.fuzz import rules, streams, target
from tests.support.decoding import decoded

CODEC = Codec("fuzzed", "http://127.0.0.1", key=streams.CANARY)
_AT = Target("fuzzed", "theirs")
_CUSTOM = Call(
    rules.CALL.id,
    rules.CALL.started_at,
    rules.CALL.api,
    "mine",
    stream=True,
    body={"tools": [{"type": "custom", "custom": {"name": "f"}}]},
)
_ONE = Call(
    rules.CALL.id, rules.CALL.started_at, rules.CALL.api, "mine", stream=True, body={"parallel_tool_calls": False}
)

_CALLS = (rules.CALL, _CUSTOM, _ONE)


def check_stream(data: bytes, *, thorough: bool) -> None:
    """A streamed answer obeys the rules, and obeys them still when it is read again."""
    for call in _CALLS if thorough else _CALLS[len(data) % 3 :][:1]:
        block, failure = streams.check(lambda call=call: CODEC.decoder(call, _AT), data, thorough=thorough)
        again = Normaliser(rules.CALL)
        read = [chunk for given in block for chunk in again.feed(given)]
        if failure is None:
            assert _collected(read + again.close(done=True)) == _collected(block)


def _collected(block: Block) -> Completion:
    whole = Accumulator(rules.CALL)
    whole.feed(block)
    return whole.completion()


def check_answer(data: bytes, *, thorough: bool) -> None:
    """A whole answer is what its one line would be in a stream; embeddings and models are lists, or refused."""
    try:
        answer = CODEC.completion(rules.CALL, _AT, data)
    except GatewayError as failure:
        streams.check_failure(failure)
    else:
        block, failure = decoded(CODEC.decoder(rules.CALL, _AT), [data.replace(b"\n", b" ")])
        assert failure is None
        assert _collected(block) == answer
        streams.check_collected(block)
    call = Call("req_1", 1, "embeddings", "mine", stream=False, body={"input": ["a", "b"]})
    try:
        assert len(CODEC.embeddings(call, _AT, data)["data"]) == 2
    except GatewayError as failure:
        streams.check_failure(failure)
    try:
        assert all(type(model.created) is int and model.created >= 0 for model in CODEC.models(data))
    except GatewayError as failure:
        streams.check_failure(failure)


def check_error(data: bytes, *, thorough: bool) -> None:
    """An error's body becomes an error that can be told; the first byte chooses its status."""
    status = 400 + data[0] % 200 if data else 500
    for call, at in ((rules.CALL, _AT), (None, None)):
        streams.check_failure(CODEC.failure(status, {}, data[1:], call, at))


TARGETS = (
    target.Target("ollama_stream", check_stream, "ndjson", "ollama/stream/*.in.ndjson"),
    target.Target("ollama_answer", check_answer, "json"),
    target.Target("ollama_error", check_error, "json"),
)
