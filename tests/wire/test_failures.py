from typing import Any

import pytest

from llms.errors import (
    GatewayError,
    InsufficientQuotaError,
    ModelNotFoundError,
    RateLimitedError,
    Retry,
    UpstreamAuthError,
    UpstreamFailedError,
    UpstreamOverloadedError,
    UpstreamRefusedError,
)
from llms.wire.failures import error_in, error_of, failure, retry_after_s


@pytest.mark.parametrize(
    ("error", "status", "expected"),
    [
        ({"message": "m", "code": "x"}, 400, (UpstreamRefusedError, 400, "x", Retry.NEVER)),
        ({"message": "m", "code": 400}, 400, (UpstreamRefusedError, 400, "invalid_value", Retry.NEVER)),
        ({"message": "m"}, 422, (UpstreamRefusedError, 422, "invalid_value", Retry.NEVER)),
        ({"message": "m"}, 413, (UpstreamRefusedError, 413, "invalid_value", Retry.NEVER)),
        ({"message": "m"}, 404, (UpstreamRefusedError, 404, "invalid_value", Retry.NEVER)),
        (
            {"message": "m", "code": "model_not_found"},
            404,
            (ModelNotFoundError, 404, "model_not_found", Retry.ELSEWHERE),
        ),
        (
            {"message": "m", "code": "model_not_found"},
            None,
            (ModelNotFoundError, 404, "model_not_found", Retry.ELSEWHERE),
        ),
        ("maximum context length is 9", 400, (UpstreamRefusedError, 400, "context_length_exceeded", Retry.NEVER)),
        ({"message": "m"}, 401, (UpstreamAuthError, 502, "upstream_auth_error", Retry.ELSEWHERE)),
        ({"message": "m"}, 403, (UpstreamAuthError, 502, "upstream_auth_error", Retry.ELSEWHERE)),
        ("Incorrect API key provided: xa***7", 400, (UpstreamAuthError, 502, "upstream_auth_error", Retry.ELSEWHERE)),
        ("API key not valid.", 400, (UpstreamAuthError, 502, "upstream_auth_error", Retry.ELSEWHERE)),
        ({"code": "invalid_api_key"}, None, (UpstreamAuthError, 502, "upstream_auth_error", Retry.ELSEWHERE)),
        ({"message": "m"}, 429, (RateLimitedError, 429, "rate_limit_exceeded", Retry.REJECT)),
        ({"code": "insufficient_quota"}, 429, (InsufficientQuotaError, 429, "insufficient_quota", Retry.ELSEWHERE)),
        ({"message": "m"}, 402, (InsufficientQuotaError, 429, "insufficient_quota", Retry.ELSEWHERE)),
        ({"type": "tokens"}, None, (RateLimitedError, 429, "rate_limit_exceeded", Retry.REJECT)),
        ({"code": "429"}, None, (RateLimitedError, 429, "rate_limit_exceeded", Retry.REJECT)),
        ({"message": "m"}, 408, (UpstreamFailedError, 502, "upstream_error", Retry.REJECT)),
        ({"message": "m"}, 409, (UpstreamFailedError, 502, "upstream_error", Retry.REJECT)),
        ({"message": "m"}, 500, (UpstreamFailedError, 502, "upstream_error", Retry.REJECT)),
        ({"message": "m"}, 502, (UpstreamFailedError, 502, "upstream_error", Retry.REJECT)),
        ({"message": "m"}, 504, (UpstreamFailedError, 502, "upstream_error", Retry.AMBIGUOUS)),
        ({"message": "m"}, 524, (UpstreamFailedError, 502, "upstream_error", Retry.AMBIGUOUS)),
        ({"message": "m"}, 498, (UpstreamOverloadedError, 503, "overloaded", Retry.REJECT)),
        ({"message": "m"}, 503, (UpstreamOverloadedError, 503, "overloaded", Retry.REJECT)),
        ({"message": "m"}, 529, (UpstreamOverloadedError, 503, "overloaded", Retry.REJECT)),
        ({"type": "overloaded_error"}, None, (UpstreamOverloadedError, 503, "overloaded", Retry.REJECT)),
        ({"code": "no such code at all"}, None, (UpstreamFailedError, 502, "upstream_error", Retry.REJECT)),
        ({"code": 9}, None, (UpstreamFailedError, 502, "upstream_error", Retry.REJECT)),
        (None, None, (UpstreamFailedError, 502, "upstream_error", Retry.REJECT)),
        (["x"], 500, (UpstreamFailedError, 502, "upstream_error", Retry.REJECT)),
    ],
)
def test_kinds(error: Any, status: int | None, expected: tuple[type[GatewayError], int, str, Retry]) -> None:
    """U42-U47: what a status or a code means to the client, and whether the gateway may try elsewhere."""
    result = failure(error, status)

    assert expected == (type(result), result.http_status(), result.code, result.retry)
    assert result.message


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("plain", "plain"),
        ({"message": "m"}, "m"),
        ({"detail": "m"}, "m"),
        ({"message": {"detail": [{"msg": "no"}]}}, '[{"msg":"no"}]'),
        ({"message": {"message": "deep"}}, "deep"),
        ({"message": {"x": 1}}, '{"x":1}'),
        ({"message": "Provider returned error", "metadata": {"raw": "why"}}, "Provider returned error: why"),
        ({"message": "m", "metadata": {"raw": {}}}, "m"),
        ({"message": 7}, "The provider failed and did not say why."),
        ({}, "The provider failed and did not say why."),
        ({"message": "see http://10.0.0.7:8000/v1 sk-abcdefgh"}, "see [url] [key]"),
        ({"message": "x" * 1000}, "x" * 499 + "…"),
    ],
)
def test_text(error: object, expected: str) -> None:
    """An upstream's words reach the client wherever they stood, without addresses and keys, at most 500 characters."""
    assert expected == failure(error, 500).message


def test_refused() -> None:
    """What the client can mend says which field."""
    kept = failure({"message": "m", "param": "messages[0].content", "code": "too_big"}, 400)
    odd = failure({"message": "m", "param": "<b>", "code": "<b>"}, 400)
    silent = failure(None, 400)

    assert ("messages[0].content", "too_big") == (kept.param, kept.code)
    assert (None, "invalid_value") == (odd.param, odd.code)
    assert "The provider refused the request and did not say why." == silent.message


def test_retry_after_is_kept() -> None:
    """U42: how long to wait reaches the client."""
    assert [7.0, 7.0, 7.0, 7.0] == [failure(None, status, 7.0).retry_after_s for status in (429, 402, 503, 500)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error":{"message":"m"}}', {"message": "m"}),
        (b'{"error":"m"}', "m"),
        (b'[{"error":{"message":"m"}}]', {"message": "m"}),
        (b'{"message":"m","type":"t"}', {"message": "m", "type": "t"}),
        (b'{"error":null,"detail":"m"}', {"error": None, "detail": "m"}),
        (b'"m"', "m"),
        (b"[]", None),
        (b"7", None),
        (b"", None),
        (b"<html>", None),
    ],
)
def test_body(body: bytes, expected: object) -> None:
    """The error of a body with an error status, in the envelopes that services use."""
    assert expected == error_of(body)


@pytest.mark.parametrize("value", [None, 3, [], {}, {"error": None}, {"error": ""}, {"choices": []}, {"type": "x"}])
def test_no_error(value: object) -> None:
    """``"error": null`` is no error."""
    assert None is error_in(value)


def test_bare_error() -> None:
    """``"error": true`` says only that there is one; the rest says what."""
    assert {"error": True, "message": "m"} == error_in({"error": True, "message": "m"})


DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after": "1e9"}, 600.0),
        ({"retry-after": "NaN"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "5", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "5", "retry-after-ms": "x"}, 5.0),
        ({"retry-after": DATE}, None),
        ({"retry-after": DATE, "date": DATE}, 0.0),
        ({"retry-after": DATE, "date": "Sun, 06 Nov 1994 08:49:30 GMT"}, 7.0),
        ({"retry-after": "Sunday, 06-Nov-94 08:49:37 GMT", "date": "Sun, 06 Nov 1994 08:49:30 GMT"}, 7.0),
        ({"retry-after": "Sun Nov  6 08:49:37 1994", "date": "Sun Nov  6 08:49:30 1994"}, 7.0),
        ({"retry-after": "Sun Nov  6 08:49:37 1994", "date": "Sun, 06 Nov 1994 08:49:30 GMT"}, 7.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Sun, 06 Nov 2094 08:49:00 GMT", "date": DATE}, 600.0),
        ({"retry-after": "Sun, 99 Nov 9999 08:49:00 GMT", "date": DATE}, None),
    ],
)
def test_retry_after(headers: dict[str, str], expected: float | None) -> None:
    """U43, U44: seconds or a date, from 0 to 600; nonsense is nothing."""
    assert expected == retry_after_s(headers)
