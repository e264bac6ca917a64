"""One gateway for each file of a store."""

import pytest

from llms.store import StoreError, StoreUnfitError
from llms.store.claim import claim


def test_one_that_counts_by_itself(tmp_path):
    """A gateway of one process has the file to itself, until it ends."""
    first = claim(tmp_path / "llms.db", shared=False)
    for shared in (False, True):
        with pytest.raises(StoreUnfitError, match="another gateway"):
            claim(tmp_path / "llms.db", shared=shared)
    first.close()

    claim(tmp_path / "llms.db", shared=False).close()


def test_several_that_count_together(tmp_path):
    """Workers share it, and nobody else has it."""
    workers = [claim(tmp_path / "llms.db", shared=True) for _ in range(3)]
    with pytest.raises(StoreUnfitError):
        claim(tmp_path / "llms.db", shared=False)
    for worker in workers:
        worker.close()


def test_no_lock_can_be_made(tmp_path):
    """A folder that is not there is not taken for another gateway."""
    with pytest.raises(StoreError, match=r"llms.db.gateway: no such file or directory$"):
        claim(tmp_path / "gone" / "llms.db", shared=False)
