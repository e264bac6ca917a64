"""The demo model, which reads what clients write as closely as any: prompts, tools, and JSON schemas to be kept to."""

import json
import re
from itertools import islice

import jsonschema

from llms.apis import body, chat_completions
from llms.errors import GatewayError, InvalidRequestError
from llms.providers import demo
from llms.records import Call
from llms.wire import json_text
from llms.wire.schema.sample import NoSampleError, sample
from tests.fuzz import rules, streams
from tests.fuzz.target import Target

_MOST_CHUNKS = 3000


def check_answers(data: bytes, *, thorough: bool) -> None:
    """Any request that can be read is answered by the rules, or refused as the client's mistake."""
    try:
        asked = chat_completions.API.read(body.decode(data))
        call = Call(rules.CALL.id, rules.CALL.started_at, "chat.completions", "mine", stream=True, body=asked.body)
        blocks = list(islice(demo._blocks(call, call.body), _MOST_CHUNKS))
    except InvalidRequestError as refusal:
        streams.check_failure(refusal)
        return
    chunks = [chunk for block in blocks for chunk in block]
    whole = len(blocks) < _MOST_CHUNKS
    rules.check(chunks, whole=whole)
    rules.check_bytes(chunks, whole=whole)
    if whole:
        streams.check_collected(chunks)


def check_schema(data: bytes, *, thorough: bool) -> None:
    """A value is given that the reference validator accepts, the same each time, or none."""
    try:
        schema = body.decode(b'{"a":' + data + b"}")["a"]
    except GatewayError:
        return
    try:
        value = sample(schema)
    except NoSampleError:
        return
    assert sample(schema) == value
    written = json_text.dumps(value)
    assert len(written) <= 1 << 20
    rules.parsed(written)
    if not _DIFFERENT.search(data.decode()) and _is_schema(schema):
        assert jsonschema.Draft202012Validator(schema).is_valid(value)


_DIFFERENT = re.compile(r'pattern|\$|u00|definitions|format|unevaluated|"items": ?\[|e[+-]?\d|\d{15}|\.\d{6}')
"""What the validators read in different ways, or Python's expressions take for ever for: older drafts, large numbers."""


def _is_schema(value: object) -> bool:
    try:
        jsonschema.Draft202012Validator.check_schema(value)
        json.dumps(value, allow_nan=False)
    except (jsonschema.SchemaError, ValueError, RecursionError):
        return False
    return True


TARGETS = (
    Target("demo_answers", check_answers, "json", "openai/request/*.in.json"),
    Target("demo_schema", check_schema, "json"),
)
