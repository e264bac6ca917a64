"""One line for each call, for people and machines: ``key=value``, values quoted where they hold anything unusual."""

import json
import logging
import re

from llms.records import Attempt, CallRecord

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
        _log.log(level, line(record))


def line(record: CallRecord) -> str:
    """Give the line. It cannot be forged: control characters and quotes in a value are escaped."""
    call, usage = record.call, record.usage
    parts = [f"call={_value(call.id)} status={record.status}"]
    if record.code is not None:
        parts.append(f"code={_value(record.code)}")
    parts.append(f"api={call.api} model={_value(call.model)} stream={int(call.stream)}")
    if call.key is not None:
        parts.append(f"key={_value(call.key.id)}")
    if len(record.candidates) > 1:  # else it is in the attempts
        parts.append(f"candidates={_value(','.join(target.label for target in record.candidates))}")
    if record.attempts:
        parts.append(f"attempts={_value(','.join(map(_attempt, record.attempts)))}")
    if record.skipped:
        parts.append(f"skipped={_value('; '.join(f'{target.label}: {reason}' for target, reason in record.skipped))}")
    if record.finish_reason is not None:
        parts.append(f"finish={_value(record.finish_reason)}")
    if usage is not None:
        parts.append(f"input_tokens={usage.input_tokens} output_tokens={usage.output_tokens}")
    if record.chunks:
        parts.append(f"chunks={record.chunks}")
    return " ".join(parts + _times(record))


def _times(record: CallRecord) -> list[str]:
    parts = [] if record.first_byte_s is None else [f"first_ms={record.first_byte_s * 1000:.1f}"]
    parts.append(f"ms={record.duration_s * 1000:.1f}")
    if record.timing is not None:
        parts.append(f'timing="{record.timing}"')
    return parts


def _attempt(entry: Attempt) -> str:
    return f"{entry.target.label}:{entry.outcome}:{entry.duration_s * 1000:.1f}ms"


def _value(text: str) -> str:
    if _PLAIN.match(text):
        return text
    return json.dumps(text if len(text) <= _LONGEST else text[:_LONGEST] + " ...")
