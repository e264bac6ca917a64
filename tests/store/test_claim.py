"""One gateway for each file of a store."""

import pytest

from llms.store import StoreUnfitError
from llms.store.claim import Claim


def test_one_that_counts_by_itself(tmp_path):
    """A gateway of one process has the file to itself, until it ends."""
    first = Claim(tmp_path / "llms.db", shared=False)
    for shared in (False, True):
        with pytest.raises(StoreUnfitError, match="another gateway"):
            Claim(tmp_path / "llms.db", shared=shared)
    first.close()

    Claim(tmp_path / "llms.db", shared=False).close()


def test_several_that_count_together(tmp_path):
    """Workers share it, and nobody else has it."""
    workers = [Claim(tmp_path / "llms.db", shared=True) for _ in range(3)]
    with pytest.raises(StoreUnfitError):
        Claim(tmp_path / "llms.db", shared=False)
    for worker in workers:
        worker.close()
