"""Giving rows to the store, however it fails."""

import logging
from collections.abc import Sequence

from llms.ledger.spool import Entry
from llms.store import Store, StoreError

_log = logging.getLogger("llms.ledger")


async def write(store: Store, entries: Sequence[Entry]) -> int:
    """
    Write rows, each once. One that the store stumbles over, as nobody foresaw, is given up: it holds up no other.

    Returns:
        How many were given up.

    Raises:
        StoreError: The store does not take them now.
    """
    try:
        await _give(store, entries)
    except StoreError:
        raise
    except Exception as error:
        if len(entries) > 1:
            middle = len(entries) // 2
            return await write(store, entries[:middle]) + await write(store, entries[middle:])
        return await _last_try(store, entries[0], error)
    return 0


async def _last_try(store: Store, entry: Entry, why: Exception) -> int:
    try:
        await store.write_calls([])  # whether it is the row, and not the store
    except Exception as error:
        message = "it fails in a way that nobody foresaw"
        raise StoreError(message) from error
    try:
        await _give(store, [entry])
    except StoreError:
        raise
    except Exception:  # what was wrong before may have been a connection
        _log.error("the call %s cannot be written down", entry.row.id, exc_info=why)
        return 1
    return 0


async def _give(store: Store, entries: Sequence[Entry]) -> None:
    await store.write_calls([entry.row for entry in entries], [entry.body for entry in entries if entry.body])
