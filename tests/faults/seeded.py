"""
Puts known bugs into a copy of the gateway, one at a time, and sees whether the catalogue notices.

::

    python -m tests.faults.seeded [BUG ...]

A suite that stays green over one of these proves nothing about it. Each bug is one edit of one module; the tests that run
over it are those of the cases that should notice. The exit status is 1 if one stays unnoticed, or can no longer be made
since the code has changed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TOP = Path(__file__).parents[2]
_LIMIT_S = 240


@dataclass(frozen=True, slots=True)
class Bug:
    """
    One mistake.

    Args:
        module: The file in ``llms/``.
        right: What stands there; once.
        wrong: What takes its place.
        tests: Files and options of pytest that should notice.
    """

    module: str
    right: str
    wrong: str
    tests: tuple[str, ...]


CLIENT = "tests/faults/test_client.py"
STREAMS = "tests/faults/test_upstream_streams.py"

LEDGER = "tests/faults/test_process_ledger.py"

BUGS = {
    "keep rows in memory only": Bug(
        "ledger/spool.py",
        "written = os.write(self._file, line)",
        "written = len(line)",
        (LEDGER, "-k", "again_and_again"),
    ),
    "say the end before it is written down": Bug(
        "ledger/ledger.py",
        "            self._spool.write()\n",
        "            self._loop.call_later(0.1, self._spool.write)\n",
        (LEDGER, "-k", "again_and_again"),
    ),
    "drop a file before the store has its rows": Bug(
        "ledger/ledger.py",
        "            try:\n                while item.entries:",
        "            if self._spool is not None and item.number is not None:\n"
        "                self._spool.drop(item.number)\n"
        "            try:\n                while item.entries:",
        (LEDGER, "-k", "_write_calls or days"),
    ),
    "drop the cancel": Bug(
        "web/server.py", "handler_cancellation=True", "handler_cancellation=False", (CLIENT, "-k", "c04 or c05")
    ),
    "ask again after the first byte": Bug(
        "providers/http.py",
        "        except UpstreamTruncatedError:\n            pass",
        "        except UpstreamTruncatedError:\n"
        "            async for block in self.chat(call, target):\n"
        "                yield block\n"
        "            return",
        (STREAMS, "-k", "within_the_stream"),
    ),
    "forget [DONE]": Bug(
        "apis/chat_completions.py",
        "return sse.DONE if self._usage is None else sse.frame(self._usage) + sse.DONE",
        'return b"" if self._usage is None else sse.frame(self._usage)',
        (STREAMS, "-k", "odd_but_well"),
    ),
    "ignore the idle clock": Bug(
        "clocks.py",
        "        self._due_at = self._loop.time() + self._clocks.idle_s\n",
        "        return\n",
        ("tests/faults/test_upstream_clocks.py", STREAMS),
    ),
    "take a clean end for success": Bug(
        "providers/openai_answers.py",
        "return self._stream.close(done=self._ended)",
        "return self._stream.close(done=True)",
        (STREAMS, "-k", "within_the_stream"),
    ),
    "follow redirects": Bug(
        "transport.py",
        "allow_redirects=False",
        "allow_redirects=True",
        ("tests/faults", "-k", "redirect", "--ignore=tests/faults/test_process_stop.py"),
    ),
    "keep the byte order mark": Bug(
        "wire/sse.py",
        "lines[0] = lines[0].removeprefix(_BOM)",
        "pass",
        (STREAMS, "tests/faults/test_upstream_bytes.py"),
    ),
    "pass on what the provider says": Bug(
        "wire/scrub.py",
        '    for secret in secrets:\n        if secret:\n            text = text.replace(secret, "[key]")\n',
        "    return text\n",
        ("tests/faults/test_upstream_answers.py",),
    ),
    "never open the breaker": Bug(
        "health.py",
        "FAILURES_TO_OPEN = 5",
        "FAILURES_TO_OPEN = 10**9",
        ("tests/web/test_route.py", "tests/faults/test_breaker.py"),
    ),
    "ask again what may be billed": Bug(
        "retry.py",
        "        if retry in (Retry.AMBIGUOUS, Retry.STALE):\n"
        "            if not target.terms.retry_ambiguous or self._stored:\n"
        "                return None\n",
        "        if False:\n            pass\n",
        ("tests/test_gateway.py", "tests/faults/test_upstream_stale.py", "tests/faults/test_retry.py"),
    ),
    "take what is left over for the next answer": Bug(
        "http1/connection.py",
        "if answer.extra or self._paused or transport is None or transport.get_write_buffer_size():",
        "if transport is None:",
        ("tests/faults/test_upstream_http.py", STREAMS, CLIENT),
    ),
    "make no record of a client that left": Bug(
        "gateway.py",
        '            trail.ended("client_closed", "client_closed_request")\n            raise',
        "            self._sink = lambda record: None\n            raise",
        (CLIENT, "-k", "c04 or c05"),
    ),
    "hold events of any size": Bug(
        "providers/openai_answers.py",
        "sse.Decoder(bounds.max_event_bytes, bounds.max_events)",
        "sse.Decoder(1 << 40, bounds.max_events)",
        ("tests/faults/test_upstream_sizes.py", STREAMS),
    ),
}


def main(arguments: Sequence[str]) -> int:
    """Run the command; give the exit status."""
    wanted = arguments or list(BUGS)
    if unknown := [name for name in wanted if name not in BUGS]:
        sys.stderr.write(f"no such bug: {', '.join(unknown)}; there are {', '.join(BUGS)}\n")
        return 2
    missed = 0
    for name in wanted:
        started = time.monotonic()
        found, words = _tried(BUGS[name])
        missed += not found
        sys.stdout.write(f"{'noticed' if found else 'MISSED'}  {name} ({time.monotonic() - started:.0f} s): {words}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(wanted) - missed} of {len(wanted)} bugs noticed\n")
    return 1 if missed else 0


def _tried(bug: Bug) -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        for name in ("llms", "tests", "ui", "docs"):
            shutil.copytree(_TOP / name, top / name, ignore=shutil.ignore_patterns("__pycache__", "browser"))
        for name in ("pyproject.toml", "config.json"):
            shutil.copy(_TOP / name, top / name)
        module = top / "llms" / bug.module
        text = module.read_text("utf-8")
        if text.count(bug.right) != 1:
            return False, f"what it replaces stands in llms/{bug.module} {text.count(bug.right)} times; renew this list"
        module.write_text(text.replace(bug.right, bug.wrong), "utf-8")
        return _noticed(top, [test for test in bug.tests if not test.startswith("tests/") or (top / test).exists()])


def _noticed(top: Path, tests: Sequence[str]) -> tuple[bool, str]:
    # The folder that the command runs in comes first on the path, so the copy is what is tested.
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environ = {**os.environ, "PYTHONPATH": str(top)}
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command, cwd=top, env=environ, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False, f"the tests did not end in {_LIMIT_S} s: noticed or not, nobody knows"
    lines = done.stdout.splitlines()
    failed = next((line for line in lines if line.startswith(("FAILED ", "ERROR tests"))), "")
    if done.returncode == 1 and failed:
        return True, failed.split(" - ")[0].split("::", 1)[-1]
    return False, lines[-1] if lines else done.stderr.strip()[-200:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
