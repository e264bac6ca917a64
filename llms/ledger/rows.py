"""From a call's record to its row."""

from llms.records import Attempt, Bill, CallRecord, Usage
from llms.store import CallRow
from llms.wire import json_text

_LONGEST = 500
"""Characters of a text that somebody else has chosen."""


def row(record: CallRecord, bill: Bill) -> CallRow:
    """
    Give the row of a call that has ended.

    Args:
        bill: What it came to.
    """
    call = record.call
    key, target = call.key, bill.target
    usage = bill.usage or _NO_USAGE
    # In the order of its fields: by their names it would take twice the time, which each call pays.
    return CallRow(
        call.id,
        record.at,
        "" if key is None else key.id,
        "" if key is None else key.team,
        call.api,
        call.model[:_LONGEST],
        "" if target is None else target.provider,
        "" if target is None else target.model[:_LONGEST],
        int(call.stream),
        record.status,
        record.code or "",
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
        bill.counted,
        bill.cost,
        int(bill.priced),
        _attempts(record.attempts),
        -1 if record.first_byte_s is None else int(record.first_byte_s * 1e6),
        int(record.duration_s * 1e6),
        call.bytes_in,
        record.bytes_out,
        record.chunks,
        record.finish_reason or "",
        record.timing or "",
    )


_NO_USAGE = Usage(0, 0)


def _attempts(attempts: tuple[Attempt, ...]) -> str:
    # Cut to tenths, not rounded: round() takes a third as long as all of this.
    return json_text.dumps(
        [
            {
                "target": entry.target.label[:_LONGEST],
                "outcome": entry.outcome,
                "ms": int(entry.duration_s * 10_000) / 10,
            }
            for entry in attempts
        ]
    ).decode()
