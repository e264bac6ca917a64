"""
What calls, budgets and the ledger come to while PostgreSQL or Redis is ill: P23, P26.

``LLMS_OUTAGE_S`` says how long an outage lasts.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.accounting.house import PRICES
from tests.accounting.seller import Act, Order
from tests.accounting.town import Load, town
from tests.support.chaos import Chaos, Way
from tests.support.process import free_port, llms

OUTAGE_S = float(os.environ.get("LLMS_OUTAGE_S", "1"))
COST = 135
"""Micro-dollars of each call."""

DOCUMENTED = {(200, ""), (503, "limiter_unavailable"), (503, "ledger_unavailable"), (503, "store_unavailable")}
_SLOW_MACHINE_S = 2.0
"""What a machine that others use, too, may add to the two seconds that anything waits for."""


@dataclass
class Ill:
    """
    One way of being ill.

    Args:
        begin: Makes a server so; blocks.
        end: Makes it well again.
    """

    begin: Callable[[], object]
    end: Callable[[], object] = bool


def order(name):
    act = Act("whole", (10, 7), ("hello",))
    return Order(name, {"one": act, "two": act}, PRICES)


@dataclass
class Scene:
    """A town under load of three kinds of keys, and what came of it."""

    here: object
    keys: dict
    load: Load

    async def passes(self, name, ill):
        """Have an outage begin, last and end; give the seconds until budgets give again."""
        await asyncio.to_thread(ill.begin)
        await asyncio.sleep(OUTAGE_S)
        await asyncio.to_thread(ill.end)
        before = self.load.answers["budget", 200, ""]
        recovered_s = await self.here.served.until(lambda: self.load.answers["budget", 200, ""] > before + 5)
        assert recovered_s < 10, name  # five are promised; the machine may be busy
        return recovered_s

    async def judge(self, compared):
        """Stop, and see that each call that was served is in the ledger, once, and that budgets are what they come to."""
        self.load.stopped = True

        async def written():
            usage = await self.here.usage()
            found = {name: usage[key.id]["calls"] - usage[key.id]["failed"] for name, key in self.keys.items()}
            return found == {name: self.load.answers[name, 200, ""] for name in self.keys}

        await self.here.served.until(written)
        served = self.load.answers["budget", 200, ""]

        async def counted():
            taken = (await self.here.taken(self.keys["budget"].secret))["key"]
            # Rows that waited for the store may have been there too late for who looked up what was spent, and costs
            # that were on their way may be counted twice, until both are compared: soon after an outage of the store.
            over = taken["spent_micros"]["total"] - COST * served
            return not taken["reserved_micros"] and (over == 0 if compared else over >= 0)

        await self.here.served.until(counted)
        assert {(status, code) for _, status, code in self.load.answers} <= DOCUMENTED
        assert {(200, "")} == {(status, code) for name, status, code in self.load.answers if name != "budget"}
        assert self.load.slowest_s < 2 + _SLOW_MACHINE_S


@asynccontextmanager
async def scene(folder, seller, environ):
    """Run two workers under load until the block ends."""
    async with town(folder, seller, environ, workers=2) as here:
        keys = {
            "budget": await here.key(limits={"budgets_micros": {"total": 10**9}}),
            "rate": await here.key(limits={"rpm": 10**6}),
            "free": await here.key(),
        }
        for key in keys.values():
            await here.known(key.secret)
        load = Load(here, Counter())
        async with asyncio.TaskGroup() as clients:
            for name, key in keys.items():
                for number in range(3):
                    clients.create_task(load.client(name, key.secret, order(f"{name}{number}")))
            await asyncio.sleep(0.5)
            try:
                yield Scene(here, keys, load)
            finally:
                load.stopped = True


@pytest.mark.parametrize("how", ["stopped", "silent"])
@pytest.mark.parametrize(
    "what",
    [pytest.param("postgresql", marks=pytest.mark.case("P23")), pytest.param("redis", marks=pytest.mark.case("P26"))],
)
async def test_what_is_shared_is_gone_for_a_while(tmp_path, seller, what, how, request, record_property):  # noqa: PLR0913, PLR0917
    """F20: while PostgreSQL or Redis is down every call gets a documented answer, soon; afterwards each is in the ledger once."""
    server = request.getfixturevalue("own_postgres" if what == "postgresql" else "own_redis")
    environ = {"LLMS_STORE": server.url() if what == "postgresql" else f"sqlite:{tmp_path / 'llms.db'}"}
    if what == "redis":
        environ["REDIS"] = server.url()
    ill = {"stopped": Ill(lambda: server.kill(signal.SIGINT), server.start), "silent": Ill(server.pause, server.resume)}
    async with scene(tmp_path, seller, environ) as here:
        recovered_s = await here.passes(how, ill[how])
        await here.judge(what == "postgresql")
    record_property("answers", str(dict(here.load.answers)))
    record_property("slowest_s", here.load.slowest_s)
    record_property("recovered_s", recovered_s)
    record_property("came_out", f"{how}: 503 or served within 2 s; each call in the ledger once")


class Illnesses:
    """Those of a PostgreSQL whose user ``gateway`` the gateway is, and whose table of calls is on a disk of its own."""

    def __init__(self, server, chaos):
        self.server = server
        self.chaos = chaos
        self.disk = server.folder / "disk"

    def prepare(self):
        """Give the URL of a database with a small disk, which is reached through the proxy."""
        server = self.server
        server.stop()
        self.disk.mkdir()
        owned = f"mount -t tmpfs -o size=4m tmpfs {self.disk} && chown --reference={server.data} {self.disk}"
        server.within = ("unshare", "--mount", "sh", "-c", f'{owned} && exec "$@"', "sh")
        server.start()
        server.sql("CREATE ROLE gateway LOGIN PASSWORD 'first'")
        server.sql("CREATE SCHEMA llms AUTHORIZATION gateway")
        return f"postgresql://gateway:first@127.0.0.1:{self.chaos.port}/postgres"

    def ways(self):
        """Give all of them, by name."""
        sql = self.server.sql
        return {
            "crashed": Ill(self.server.crash, self.server.start),
            "connections ended": Ill(self.ended),
            "read-only": Ill(lambda: self.set("on"), lambda: self.set("off")),
            "no connection left": Ill(
                lambda: self.role("CONNECTION LIMIT 0"), lambda: self.role("CONNECTION LIMIT -1")
            ),
            "password changed": Ill(lambda: self.role("PASSWORD 'second'"), lambda: self.role("PASSWORD 'first'")),
            "loses to others": Ill(lambda: sql(_LOSES), lambda: sql("DROP FUNCTION public.loses CASCADE")),
            "slow": Ill(lambda: setattr(self.chaos, "back", Way(latency_s=5)), self.well),
            "rubbish": Ill(lambda: setattr(self.chaos, "back", Way(garbled=True)), self.well),
            "disk full": Ill(self.fill, self.clear),
        }

    def ended(self):
        self.server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gateway'")

    def set(self, value):
        self.server.sql(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        self.server.sql("SELECT pg_reload_conf()")

    def role(self, words):
        self.server.sql(f"ALTER ROLE gateway {words}")
        self.ended()

    def well(self):
        self.chaos.back = Way()

    @property
    def inside(self):
        """Its disk, in its own mounts."""
        return Path(f"/proc/{self.server._process.pid}/root{self.disk}")

    def fill(self):
        """Leave no room on its disk, onto which the table of calls is moved before: a start would mount another."""
        self.server.sql(f"CREATE TABLESPACE small LOCATION '{self.disk}'")
        self.server.sql("ALTER TABLE llms.calls SET TABLESPACE small")
        with suppress(OSError), (self.inside / "fill").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def clear(self):
        (self.inside / "fill").unlink()


_LOSES = """
CREATE FUNCTION public.loses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF random() < 0.3 THEN
        RAISE EXCEPTION 'as if' USING ERRCODE = CASE WHEN random() < 0.5 THEN '40001' ELSE '40P01' END;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER loses BEFORE INSERT ON llms.calls FOR EACH STATEMENT EXECUTE FUNCTION public.loses();
CREATE TRIGGER loses BEFORE UPDATE ON llms.limits FOR EACH STATEMENT EXECUTE FUNCTION public.loses();
"""


@pytest.mark.case("P23", "P25")
async def test_postgresql_is_ill_in_every_way(tmp_path, seller, own_postgres, record_property):
    """P23: however PostgreSQL is ill, nobody waits for it, calls without a budget go on, and afterwards all is counted once."""
    async with Chaos(own_postgres.port) as chaos:
        illnesses = Illnesses(own_postgres, chaos)
        environ = {"LLMS_STORE": await asyncio.to_thread(illnesses.prepare)}
        async with scene(tmp_path, seller, environ) as here:
            await falls_ill(
                here, illnesses.ways(), "served or 503, in time; each call in the ledger once", record_property
            )
            await here.judge(compared=True)


async def falls_ill(here, ways, words, record_property):
    """Have what is shared fall ill in one way after the other, and get well again each time."""
    for name, ill in ways.items():
        before = here.load.answers.copy()
        recovered_s = await here.passes(name, ill)
        record_property(name, f"{dict(here.load.answers - before)}, well after {recovered_s:.1f} s")
        record_property("came_out", f"{name}: {words}")


@pytest.mark.case("P26")
async def test_redis_is_ill_in_every_way(tmp_path, seller, own_redis, record_property):
    """P26: however Redis is ill, budgets give nothing until it is well again, rates go on, and what was spent stays spent."""
    command = own_redis.command
    async with Chaos(own_redis.port) as chaos:
        ways = {
            "emptied": Ill(own_redis.empty),
            "out of memory": Ill(
                lambda: command("CONFIG", "SET", "maxmemory", "1"), lambda: command("CONFIG", "SET", "maxmemory", "0")
            ),
            "read-only": Ill(lambda: command("REPLICAOF", "127.0.0.1", "1"), lambda: command("REPLICAOF", "NO", "ONE")),
            "connections ended": Ill(lambda: command("CLIENT", "KILL", "TYPE", "normal")),
            "scripts gone": Ill(lambda: command("SCRIPT", "FLUSH")),
            "slow": Ill(lambda: setattr(chaos, "back", Way(latency_s=5)), lambda: setattr(chaos, "back", Way())),
            "rubbish": Ill(lambda: setattr(chaos, "back", Way(garbled=True)), lambda: setattr(chaos, "back", Way())),
            "started again, empty": Ill(own_redis.kill, own_redis.start),
        }
        environ = {"LLMS_STORE": f"sqlite:{tmp_path / 'llms.db'}", "REDIS": f"redis://127.0.0.1:{chaos.port}"}
        async with scene(tmp_path, seller, environ) as here:
            await falls_ill(here, ways, "budgets served or 503, in time; none forgotten", record_property)
            await here.judge(compared=False)


@pytest.mark.case("P23")
@pytest.mark.parametrize("how", ["absent", "silent", "wrong password"])
async def test_postgresql_is_not_there_at_the_start(tmp_path, own_postgres, how, record_property):
    """P23: without the store that it is told to use it does not start; it says why, in one line, without the password."""
    url = own_postgres.url()
    if how == "absent":
        url = url.replace(f":{own_postgres.port}", f":{free_port()}")
    elif how == "silent":
        own_postgres.pause()
    else:
        url = url.replace(own_postgres.password, "hidden-and-wrong")
    (tmp_path / "config.json").write_text('{"providers": {"demo": {}}}')
    environ = {"LLMS_STORE": url, "XDG_DATA_HOME": str(tmp_path / "data")}
    process = await llms(tmp_path, "serve", "--port", str(free_port()), environ=environ)
    async with asyncio.timeout(20):
        _, errors = await process.communicate()
    own_postgres.resume()
    said = errors.decode()

    assert 0 < process.returncode < 100
    assert said.strip().splitlines()[-1].startswith("llms: the store cannot be used: PostgreSQL")
    assert "Traceback" not in said
    assert "hidden" not in said
    assert own_postgres.password not in said
    record_property("came_out", f"{how} at the start: status {process.returncode}, one line")
