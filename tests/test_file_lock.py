"""A file's lock is one process's, or that of all who share it; claims and spools are tested with their own modules."""

import fcntl

import pytest

from llms.file_lock import FileLock


@pytest.mark.parametrize(("first", "second", "both"), [(True, True, True), (True, False, False), (False, True, False)])
def test_shared(tmp_path, first, second, both):
    """Those that share it have it together, and nobody who does not."""
    lock = FileLock(tmp_path / "lock", shared=first)
    if both:
        FileLock(tmp_path / "lock", shared=second).close()
    else:
        with pytest.raises(BlockingIOError):
            FileLock(tmp_path / "lock", shared=second)
    lock.close()

    FileLock(tmp_path / "lock").close()


def test_closed_twice(tmp_path):
    """What was given up is given up."""
    lock = FileLock(tmp_path / "lock")
    lock.close()
    again = FileLock(tmp_path / "lock")
    lock.close()

    with pytest.raises(BlockingIOError):
        FileLock(tmp_path / "lock")
    again.close()


@pytest.mark.parametrize("made_anew", [False, True])
def test_the_file_goes_as_it_is_locked(tmp_path, monkeypatch, made_anew):
    """Who had the lock may remove the file before he gives it up: what is locked then is no file that others would find."""
    path = tmp_path / "lock"
    lock = fcntl.flock

    def removed_first(file, how):
        path.unlink()
        if made_anew:
            path.touch()
        lock(file, how)

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", removed_first)
        with pytest.raises(FileNotFoundError):
            FileLock(path)

    FileLock(path).close()
