"""One line for each call, for people and machines: ``key=value``, values quoted where they hold anything unusual."""

import json
import logging
import re

from llms.records import CallRecord

_log = logging.getLogger("llms.calls")

_KEY_REFUSED = "upstream_auth_error"

_LONGEST = 500

_PLAIN = re.compile(r"[\w./:+@-]{1,200}\Z", re.ASCII)


def write(record: CallRecord) -> None:
    """Log ``record``: at info level, at warning level if the call failed, at error level if somebody has to act."""
    level = logging.INFO if record.status in ("ok", "client_closed") else logging.WARNING
    if record.status == "internal" or any(attempt.outcome == _KEY_REFUSED for attempt in record.attempts):
        level = logging.ERROR  # a key stays refused, though another provider may have answered
    if _log.isEnabledFor(level):
        _log.log(level, "%s", line(record))


def line(record: CallRecord) -> str:
    """Give the line. It cannot be forged: control characters and quotes in a value are escaped."""
    call, usage = record.call, record.usage
    fields: list[tuple[str, object]] = [
        ("call", call.id),
        ("status", record.status),
        ("code", record.code),
        ("api", call.api),
        ("model", call.model),
        ("stream", int(call.stream)),
        ("key", call.key.id if call.key else None),
        ("candidates", _candidates(record)),
        ("attempts", _attempts(record)),
        ("skipped", "; ".join(f"{target.label}: {reason}" for target, reason in record.skipped) or None),
        ("finish", record.finish_reason),
        ("input_tokens", usage.input_tokens if usage else None),
        ("output_tokens", usage.output_tokens if usage else None),
        ("chunks", record.chunks or None),
        ("first_ms", None if record.first_byte_s is None else round(record.first_byte_s * 1000, 1)),
        ("ms", round(record.duration_s * 1000, 1)),
    ]
    return " ".join(f"{name}={_value(value)}" for name, value in fields if value is not None)


def _candidates(record: CallRecord) -> str | None:
    if len(record.candidates) < 2:
        return None  # it is in the attempts
    return ",".join(target.label for target in record.candidates)


def _attempts(record: CallRecord) -> str | None:
    parts = [f"{entry.target.label}:{entry.outcome}:{entry.duration_s * 1000:.1f}ms" for entry in record.attempts]
    return ",".join(parts) or None


def _value(value: object) -> str:
    text = str(value)
    if _PLAIN.match(text):
        return text
    return json.dumps(text if len(text) <= _LONGEST else text[:_LONGEST] + " ...")
