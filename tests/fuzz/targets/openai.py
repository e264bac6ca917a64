"""OpenAI's codec as a whole: the bytes of an answer in, chunks, a whole answer or an error out."""

from llms import capabilities
from llms.errors import GatewayError
from llms.providers.openai_codec import Codec, Service
from llms.records import Call, Target
from llms.wire.accumulate import chunks
from llms.wire.normalise import Normaliser, completion
from tests.fuzz import rules, streams, target

_SERVICE = Service("fuzzed", "http://127.0.0.1", secrets=(streams.CANARY,), think_tags={"t": "tagged", "o": "opened"})
CODEC = Codec(_SERVICE)
_NEEDS = capabilities.Needs(tools=True, vision=True, json_schema=True, context=1000)

MODELS = ("plain", "t", "o")
"""Without tags of reasoning, and with each kind of them."""


def check_stream(data: bytes, *, thorough: bool) -> None:
    """A streamed answer obeys the rules, and obeys them still when it is read again."""
    for model in MODELS if thorough else MODELS[len(data) % 3 :][:1]:
        at = Target("fuzzed", model)
        block, failure = streams.check(lambda at=at: CODEC.decoder(rules.CALL, at), data, thorough=thorough)
        again = Normaliser(rules.CALL)
        read = [chunk for given in block for chunk in again.feed(given)]
        if failure is None:
            read += again.close(done=True)
        assert read == block[: len(read)]
        assert len(read) >= len(block) - 1  # the usage comes with the end


def check_answer(data: bytes, *, thorough: bool) -> None:
    """A whole answer is one, and is the same when it is read again."""
    for model in MODELS:
        try:
            answer = CODEC.completion(rules.CALL, Target("fuzzed", model), data)
        except GatewayError as failure:
            streams.check_failure(failure)
            continue
        assert streams.check_collected(chunks(answer)) == answer
        assert completion(rules.CALL, answer) == answer


def check_error(data: bytes, *, thorough: bool) -> None:
    """An error's body becomes an error that can be told; the first byte chooses its status."""
    status = 400 + data[0] % 200 if data else 500
    for call, at in ((rules.CALL, Target("fuzzed", "theirs")), (None, None)):
        streams.check_failure(CODEC.failure(status, {}, data[1:], call, at))


def check_lists(data: bytes, *, thorough: bool) -> None:
    """Embeddings and lists of models are read, or refused as the upstream's fault."""
    call = Call("req_1", 1, "embeddings", "mine", stream=False, body={"input": ["a", "b"]})
    try:
        answer = CODEC.embeddings(call, Target("fuzzed", "theirs"), data)
        assert [0, 1] == [item["index"] for item in answer["data"]]
    except GatewayError as failure:
        streams.check_failure(failure)
    try:
        models = CODEC.models(data)
        assert len({model.id for model in models}) == len(models)
        assert all(type(model.created) is int for model in models)
        for model in models:
            able = capabilities.of(model.extra)
            capabilities.lacking(_NEEDS, able)
            capabilities.too_long(_NEEDS, able)
    except GatewayError as failure:
        streams.check_failure(failure)


TARGETS = (
    target.Target("openai_stream", check_stream, "sse", "openai/stream/*.in.sse"),
    target.Target("openai_answer", check_answer, "json", "openai/answer/*.in.json"),
    target.Target("openai_error", check_error, "json"),
    target.Target("openai_lists", check_lists, "json"),
)
