"""From a call's record to its row."""

from llms.records import Attempt, Bill, CallRecord
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
    key, usage, target = call.key, bill.usage, bill.target
    return CallRow(
        id=call.id,
        at=record.at,
        key_id="" if key is None else key.id,
        team="" if key is None else key.team,
        api=call.api,
        model=call.model[:_LONGEST],
        provider="" if target is None else target.provider,
        target="" if target is None else target.model[:_LONGEST],
        stream=int(call.stream),
        status=record.status,
        code=record.code or "",
        input_tokens=0 if usage is None else usage.input_tokens,
        output_tokens=0 if usage is None else usage.output_tokens,
        cached_tokens=0 if usage is None else usage.cached_tokens,
        cache_write_tokens=0 if usage is None else usage.cache_write_tokens,
        reasoning_tokens=0 if usage is None else usage.reasoning_tokens,
        counted=bill.counted,
        cost=bill.cost,
        priced=int(bill.priced),
        attempts=_attempts(record.attempts),
        first_byte_us=-1 if record.first_byte_s is None else int(record.first_byte_s * 1e6),
        duration_us=int(record.duration_s * 1e6),
        bytes_in=call.bytes_in,
        bytes_out=record.bytes_out,
        chunks=record.chunks,
        finish_reason=record.finish_reason or "",
        timing=record.timing or "",
    )


def _attempts(attempts: tuple[Attempt, ...]) -> str:
    return json_text.dumps(
        [
            {
                "target": entry.target.label[:_LONGEST],
                "outcome": entry.outcome,
                "ms": round(entry.duration_s * 1000, 1),
            }
            for entry in attempts
        ]
    ).decode()
