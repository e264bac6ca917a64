import logging
import re

from llms import call_log
from llms.keys import VirtualKey
from llms.records import Attempt, Call, CallRecord, Target, Usage


def record(**changes):
    values = {
        "call": Call("req_1", 1, "chat.completions", "m", stream=True, body={"messages": ["secret prompt"]}),
        "status": "ok",
        "code": None,
        "attempts": (Attempt(Target("demo", "m"), "ok", 0.01),),
        "candidates": (Target("demo", "m"),),
        "skipped": (),
        "usage": Usage(3, 4),
        "finish_reason": "stop",
        "chunks": 5,
        "first_byte_s": 0.0121,
        "duration_s": 0.5,
    }
    return CallRecord(**{**values, **changes})


def test_line():
    """A call is one line of key=value; what is not known is left out."""
    expected = (
        "call=req_1 status=ok api=chat.completions model=m stream=1 attempts=demo/m:ok:10.0ms finish=stop "
        "input_tokens=3 output_tokens=4 chunks=5 first_ms=12.1 ms=500.0"
    )
    assert expected == call_log.line(record())


def test_where_it_went():
    """Each attempt has its outcome and its time, each target that was not tried its reason; a key has its name."""
    second = Target("groq", "x", credential="GROQ_KEY_2")
    went = record(
        candidates=(Target("demo", "m"), second, Target("far", "y")),
        attempts=(Attempt(Target("demo", "m"), "overloaded", 0.25), Attempt(second, "ok", 0.01)),
        skipped=((Target("far", "y"), "circuit open for 3.2 s"),),
    )

    line = call_log.line(went)

    assert " candidates=demo/m,groq/x@GROQ_KEY_2,far/y " in line.replace('"', "")
    assert " attempts=demo/m:overloaded:250.0ms,groq/x@GROQ_KEY_2:ok:10.0ms " in line.replace('"', "")
    assert ' skipped="far/y: circuit open for 3.2 s" ' in line


def test_failed_line():
    """A call that failed before any provider was asked has no attempts, no usage and no first byte."""
    call = Call("req_1", 1, "embeddings", "m", stream=False, body={}, key=VirtualKey("key_1"))
    failed = record(
        call=call,
        status="rejected",
        code="model_not_found",
        attempts=(),
        usage=None,
        finish_reason=None,
        chunks=0,
        first_byte_s=None,
    )

    expected = "call=req_1 status=rejected code=model_not_found api=embeddings model=m stream=0 key=key_1 ms=500.0"
    assert expected == call_log.line(failed)


def test_line_cannot_be_forged():
    """Line breaks, quotes and escapes in a model's name stay inside its quotes."""
    call = Call("req_1", 1, "x", 'a"\r\n\x1b[31mcall=req_2\u2028', stream=False, body={})

    line = call_log.line(record(call=call))

    assert 'model="a\\"\\r\\n\\u001b[31mcall=req_2\\u2028"' in line
    assert line.isprintable()


def test_levels(caplog):
    """U45: good calls are information, failures warnings, bugs and refused keys errors; prompts are in none of them."""
    caplog.set_level(logging.INFO, "llms.calls")

    call_log.write(record())
    call_log.write(record(status="upstream_error"))
    call_log.write(record(status="internal"))
    refused = Attempt(Target("demo", "m"), "upstream_auth_error", 0.01)
    call_log.write(record(attempts=(refused, *record().attempts)))

    assert [logging.INFO, logging.WARNING, logging.ERROR, logging.ERROR] == [entry.levelno for entry in caplog.records]
    assert "secret prompt" not in caplog.text


def test_silent_below_the_level(caplog):
    """At warning level a good call writes nothing."""
    caplog.set_level(logging.WARNING, "llms.calls")

    call_log.write(record())

    assert [] == caplog.records


def test_cut_value_says_so():
    """What was tried is told in 500 characters; that there was more is not kept back."""
    attempts = tuple(Attempt(Target("p", f"m{index}"), "overloaded", 0.1) for index in range(100))

    [value] = re.findall(r'attempts="([^"]*)"', call_log.line(record(attempts=attempts)))

    assert value.endswith(" ...")
    assert 504 == len(value)


def test_timing():
    """Where the time went is told in the words of the header, at the line's end."""
    told = "auth;dur=0.004, gateway;dur=0.100, total;dur=0.104"

    assert call_log.line(record(timing=told)).endswith(f' ms=500.0 timing="{told}"')
