"""Puts a configuration that was read again in force, or says why it is not."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace

from llms.app import Generations, UnsafeListenError
from llms.config import Config
from llms.config.accounting import StoreGiven
from llms.process.reread import Outcome
from llms.web.services import Live

_log = logging.getLogger("llms.config")


class Reload:
    """
    Takes what came of each reading.

    A configuration with a mistake changes nothing at all: what was in force stays, whole. A mistake is logged with its
    place and without the value, which may be a key that was put into the wrong place.

    Args:
        config: What is in force.
    """

    def __init__(self, config: Config, generations: Generations, live: Live) -> None:
        self.config = config
        self._generations = generations
        self._live = live
        self._address = config.server.host, config.server.port
        self._readings = 0

    async def take_all(self, outcomes: "asyncio.Queue[Outcome]") -> None:
        """Take one after the other, until cancelled."""
        while True:
            taking = asyncio.create_task(self.take(await outcomes.get()))
            await asyncio.wait([taking])
            if error := taking.exception():
                _log.error("a reload failed", exc_info=error)
                self._refuse(["this is a bug"])

    async def take(self, outcome: Outcome) -> None:
        """Put ``outcome`` in force if it can be."""
        if not isinstance(outcome, Config):
            self._refuse(f"{outcome.source}: {problem}" for problem in outcome.problems)
            return
        config = kept_as_started(outcome, *self._address, self.config.store)
        if same(config, self.config):
            # Once it is read just to find what was changed during the start, which is nobody's news.
            _log.log(
                logging.INFO if self._readings else logging.DEBUG, "%s says what is in force already", config.source
            )
        else:
            try:
                await self._generations.put_in_force(config)
            except UnsafeListenError as error:
                self._refuse([str(error)])
                return
            self.config = config
            logging.getLogger().setLevel(config.server.log_level.upper())
            _log.info("%s is in force as it is now", config.source)
        self._readings += 1
        self._live.degraded = False
        warn_of_restart(outcome, *self._address, self.config.store)

    def _refuse(self, problems: Iterable[str]) -> None:
        self._live.degraded = True
        self._live.failed_reloads += 1
        for problem in problems:
            _log.error("not taken, and what was in force stays: %s", problem)


def same(one: Config, other: Config) -> bool:
    """Whether two configurations mean the same; the order of providers and of models is part of it."""
    return one == other and [*one.providers] == [*other.providers] and [*one.models] == [*other.models]


def kept_as_started(config: Config, host: str, port: int, store: StoreGiven) -> Config:
    """Give ``config`` with the address that is listened on, and the store that is open, which stay as they are."""
    return replace(config, server=config.server.model_copy(update={"host": host, "port": port}), store=store)


def warn_of_restart(config: Config, host: str, port: int, store: StoreGiven) -> None:
    """Say what was changed that needs a restart."""
    wanted = {
        "server.host": (config.server.host, host),
        "server.port": (config.server.port, port),
        "store": (config.store, store),
    }
    if changed := [name for name, (new, old) in wanted.items() if new != old]:
        _log.warning("%s cannot change while the gateway runs; restart it", " and ".join(changed))
