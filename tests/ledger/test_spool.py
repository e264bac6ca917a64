import errno
import os
import resource
import signal
import subprocess
import sys
import textwrap

import pytest

from llms.ledger.leftovers import left_behind
from llms.ledger.spool import Spool
from llms.store import KeptBody
from tests.ledger.entries import entry
from tests.support.process import ROOT

BODY = KeptBody(entry().row.id, '{"messages":[{"content":"ü\\n\\u2028"}]}', "[…]")


def left_in(parent):
    """What is left behind there, without taking it away."""
    return [one for leftover in left_behind(parent) for one in leftover.entries()]


def killed(spool):
    """End as a process that is killed does: nothing is removed, the system closes what was open."""
    if spool._file is not None:
        os.close(spool._file)
    spool._lock.close()


@pytest.fixture
def parent(tmp_path):
    return tmp_path / "a" / "spool"


def test_a_row_outlives_its_process(parent):
    """What was added is there for the next process, in order, with prompts and answers."""
    spool = Spool(parent)
    for one in (entry(1), entry(2, BODY)):
        spool.add(one)
        spool.write()
    killed(spool)

    assert [entry(1), entry(2, BODY._replace(call_id=entry(2).row.id))] == left_in(parent)


def test_what_is_no_text(parent):
    """Half a letter, and a number beyond measure, from a provider are no reason to lose a row."""
    odd = entry(1, KeptBody(entry(1).row.id, "\ud83d", "\0"), finish_reason="\ud83d", input_tokens=10**30)
    spool = Spool(parent)
    spool.add(odd)
    spool.write()
    killed(spool)

    assert [odd] == left_in(parent)


def test_nothing_is_left_of_what_the_store_has(parent):
    """A file that was dropped is gone; an empty folder goes with its process."""
    spool = Spool(parent)
    spool.add(entry(1))
    spool.write()
    spool.drop(spool.turn())
    spool.close()

    assert [] == list(parent.iterdir())


def test_what_is_not_dropped_stays(parent):
    """A process that ends well leaves what the store does not have."""
    spool = Spool(parent)
    spool.add(entry(1))
    spool.write()
    first = spool.turn()
    spool.add(entry(2))
    spool.write()
    spool.turn()
    spool.drop(first)
    spool.close()

    assert [entry(2)] == left_in(parent)


def test_only_its_user_may_read_it(parent):
    """Folders are 0700 and files 0600: prompts may be in them."""
    spool = Spool(parent)
    spool.add(entry(1))
    spool.write()

    modes = {path.name: path.stat().st_mode & 0o777 for path in (parent, spool.folder, *spool.folder.iterdir())}

    assert {0o700} == {modes.pop(parent.name), modes.pop(spool.folder.name)}
    assert {0o600} == set(modes.values())
    spool.close()


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_torn_line(parent, caplog, cut):
    """A last line that is cut off is left out, and said; those before it are whole."""
    spool = Spool(parent)
    spool.add(entry(1))
    spool.write()
    spool.add(entry(2))
    spool.write()
    file = next(spool.folder.glob("*.rows"))
    killed(spool)
    data = file.read_bytes()
    file.write_bytes(data[: -len(data.splitlines()[-1]) * cut // 12 - 1])

    assert [entry(1)] == left_in(parent)
    assert "is no row" in caplog.text


@pytest.mark.parametrize("line", [b"[]\n", b"{}\n", b"17\n", b"\xff\xfe\n", b"null\n", b'["a"]\n', b"\n\n"])
def test_lines_that_are_no_rows(parent, line):
    """What is no row harms no other."""
    spool = Spool(parent)
    spool.add(entry(1))
    spool.write()
    os.write(spool._file, line)
    spool.add(entry(2))
    spool.write()
    killed(spool)

    assert [entry(1), entry(2)] == left_in(parent)


def test_a_full_disk(parent):
    """A line that was written in part is an error, and the next one does not continue it."""
    spool = Spool(parent)
    spool.add(entry(1))
    spool.write()
    file = next(spool.folder.glob("*.rows"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 30, hard))
    try:
        with pytest.raises(OSError, match="full"):
            spool.add(entry(2))
            spool.write()
        with pytest.raises(OSError, match="too large") as caught:
            spool.add(entry(3))
            spool.write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    spool.add(entry(4))
    spool.write()
    killed(spool)

    assert errno.EFBIG == caught.value.errno
    assert [entry(1), entry(4)] == left_in(parent)


def test_a_living_process_keeps_its_own(parent):
    """What another process still works on is not taken up; once that is gone, it is."""
    code = """
        import sys
        from pathlib import Path
        from llms.ledger.spool import Spool
        from tests.ledger.entries import entry
        spool = Spool(Path(sys.argv[1]))
        spool.add(entry(1))
        spool.write()
        print("ready", flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(code), parent]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:  # noqa: S603 - our own
        assert b"ready\n" == other.stdout.readline()
        living = left_in(parent)
        other.kill()
    gone = left_in(parent)

    assert ([], [entry(1)]) == (living, gone)


def test_nobody_else_has_it_meanwhile(parent):
    """While one process takes up what was left behind another one passes it by, and finds nothing afterwards."""
    for number in range(2):
        spool = Spool(parent)
        spool.add(entry(number))
        spool.write()
        killed(spool)

    first, second = left_behind(parent), left_behind(parent)
    one = next(first)
    other = next(second)
    found = [list(one.entries()), list(other.entries())]
    one.remove()
    rest = [*first, *second]

    assert [[entry(0)], [entry(1)]] == sorted(found)
    assert [] == rest


def test_no_folder(tmp_path):
    """Where there is nothing, nothing was left behind."""
    assert [] == left_in(tmp_path / "none")


def test_many_processes_begin_at_once(parent):
    """None of those that begin at the same time takes away the folder that another one has just made."""
    code = """
        import sys
        from pathlib import Path
        from llms.ledger.leftovers import left_behind
        from llms.ledger.spool import Spool
        from tests.ledger.entries import entry
        parent, own = Path(sys.argv[1]), int(sys.argv[2])
        sys.stdin.readline()
        for number in range(300):
            spool = Spool(parent)
            for leftover in left_behind(parent):
                assert not list(leftover.entries())
                leftover.remove()
            spool.add(entry(number))
            spool.write()
            spool.drop(spool.turn())
            spool.close()
    """
    command = [sys.executable, "-c", textwrap.dedent(code), parent]
    others = [
        subprocess.Popen([*command, str(own)], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own
        for own in range(4)
    ]
    ends = []
    for other in others:
        other.stdin.write("\n")
        other.stdin.flush()
    for other in others:
        _, errors = other.communicate(timeout=60)
        ends.append((other.returncode, errors))

    assert [(0, "")] * 4 == ends
    assert [] == list(parent.glob("*/*.rows"))  # a folder may stay that two were about to remove: the next start does
