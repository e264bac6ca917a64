"""How much of the memory that a process may use it uses, by what Linux says."""

import asyncio
import os

import pytest

from llms.process import memory
from llms.process.memory import Memory, cgroups
from llms.web.services import Live

PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20


@pytest.fixture
def root(tmp_path):
    """A system in a cgroup of 100 MiB, within one without a limit, within one of 1 GiB."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("3:cpu:/x\n0::/outer/middle/inner\n")
    folder = tmp_path / "sys/fs/cgroup"
    for name, limit in (("outer", 1024 * MIB), ("middle", "max"), ("inner", 100 * MIB)):
        folder /= name
        folder.mkdir(parents=True)
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{60 * MIB}\n")
        (folder / "memory.stat").write_text(f"anon 1\ninactive_file {10 * MIB}\nactive_file 3\n")
    _statm(tmp_path, 50 * MIB)
    return tmp_path


def _statm(root, resident):
    (root / "proc/self/statm").write_text(f"{900 * MIB // PAGE} {resident // PAGE} 1 1 0 1 0\n")


async def looked(root, configured=None):
    """What a look makes of the live state."""
    live = Live()
    looking = Memory(live, lambda: configured, root)
    looking.close()
    return live.full


async def test_cgroup(root):
    """The nearest limit counts, and farther ones; file pages that can be dropped do not."""
    inner = root / "sys/fs/cgroup/outer/middle/inner"

    assert [inner, inner.parent.parent] == cgroups(root)
    assert not await looked(root)
    (inner / "memory.current").write_text(f"{94 * MIB}\n")
    assert not await looked(root)
    (inner / "memory.current").write_text(f"{95 * MIB}\n")
    assert await looked(root)
    (inner / "memory.max").write_text("max")
    assert not await looked(root)
    (inner.parent.parent / "memory.current").write_text(f"{1000 * MIB}\n")
    assert await looked(root)


async def test_configured(root):
    """The configuration's limit is for what the process has in memory."""
    assert not await looked(root, 60 * MIB)
    assert await looked(root, 58 * MIB)


async def test_addresses(root, monkeypatch):
    """So is the limit of ulimit -v, for the addresses."""
    monkeypatch.setattr(memory, "_address_limit", lambda: 1100 * MIB)
    assert not await looked(root)
    monkeypatch.setattr(memory, "_address_limit", lambda: 1050 * MIB)
    assert await looked(root)


async def test_another_system(tmp_path):
    """Where nothing says what is used, no call is refused."""
    assert not await looked(tmp_path, 1)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("4:memory:/x\n")
    assert [] == cgroups(tmp_path)


async def test_cgroup_that_goes_away(root):
    """A limit whose use cannot be read is none."""
    inner = root / "sys/fs/cgroup/outer/middle/inner"
    live = Live()
    looking = Memory(live, lambda: None, root)
    (inner / "memory.current").unlink()
    looking.close()
    looking.look()
    looking.close()

    assert not live.full


async def test_it_is_looked_at_again(root, monkeypatch, caplog):
    """What has been full and is not any more is said, both once."""
    monkeypatch.setattr(memory, "_LOOK_S", 0.01)
    live = Live()
    looking = Memory(live, lambda: 100 * MIB, root)
    _statm(root, 90 * MIB)
    async with asyncio.timeout(10):
        while not live.full:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        _statm(root, 50 * MIB)
        while live.full:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    looking.close()

    assert [
        "90 % of server.max_memory_bytes is used: new calls are refused",
        "there is memory for new calls again",
    ] == [record.getMessage() for record in caplog.records if record.name == "llms.memory"]
