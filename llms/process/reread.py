"""
Reads the configuration again when its file changes, or when asked.

A thread does it all: a disk that does not answer, or a file of 4 MiB, holds up no call. The file is looked at rather
than watched, as what a watch misses differs from system to system (a file that is replaced, a mount, a link that is
turned as Kubernetes does).
"""

import stat
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from llms.config import Config, ConfigError, Problem, Source

_LOOK_S = 1.0

_PAUSE_S = 0.1
"""Between two readings: a storm of requests to read becomes a few."""

Outcome = Config | ConfigError


class Rereader:
    """
    Reads, in a thread of its own, until it is closed.

    Args:
        source: What to read.
        environ: Where secrets are.
        tell: Takes what came of each reading; called in that thread.
        look_s: How often to look whether the file has changed.
    """

    def __init__(
        self,
        source: Source,
        environ: Mapping[str, str],
        tell: Callable[[Outcome], None],
        look_s: float = _LOOK_S,
    ) -> None:
        self._source = source
        self._environ = environ
        self._tell = tell
        self._look_s = look_s
        self._wanted = threading.Event()
        self._closed = threading.Event()
        self._asked = False
        threading.Thread(target=self._run, name="reread", daemon=True).start()

    def ask(self) -> None:
        """Read again soon, changed or not."""
        self._asked = True
        self._wanted.set()

    def close(self) -> None:
        """Read no more; does not wait for a reading that runs, whose outcome is not told."""
        self._closed.set()
        self._wanted.set()

    def _run(self) -> None:
        try:
            self._go_on()
        finally:
            if not self._closed.is_set():  # nothing foreseen ends it; the thread's own hook prints what has
                message = "is not read again before a restart: reading it failed in a way that is a bug"
                self._tell(ConfigError(str(self._source.path), [Problem((), message)]))

    def _go_on(self) -> None:
        seen: object = None  # so that what changed between the start's own reading and now is found, too
        while not self._closed.is_set():
            asked, self._asked = self._asked, False
            found = _state(self._source.path)
            if asked or found not in (seen, _NO_FILE):
                outcome = self._read()
                if not self._closed.is_set():
                    self._tell(outcome)
                self._closed.wait(_PAUSE_S)
            seen = found
            self._wanted.wait(self._look_s)
            self._wanted.clear()

    def _read(self) -> Outcome:
        path = self._source.path
        if _state(path) == _NO_FILE:  # opening a pipe would wait for whoever writes to it
            return ConfigError(str(path), [Problem((), "is no ordinary file and cannot be read again")])
        try:
            return self._source.read(self._environ)
        except ConfigError as error:
            return error


_NO_FILE = "no ordinary file"


def _state(path: Path) -> object:
    """What differs once the file has changed."""
    try:
        found = path.stat()
    except OSError as error:
        return error.errno
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return _NO_FILE
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
