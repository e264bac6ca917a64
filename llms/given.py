"""What a configuration comes to: the values that the parts of the gateway are made with."""

from collections.abc import Mapping

from llms.accounts import Rules
from llms.books import Place
from llms.config import Config
from llms.config.accounting import AccountingGiven, spool_folder, store_url
from llms.keys import Limits, digest
from llms.prices import Prices
from llms.providers.options import secret


def place(config: Config, environ: Mapping[str, str], workers: int) -> Place:
    """Give where the books are, which so many processes share."""
    url, asked = store_url(config.store, environ)
    return Place(
        url,
        asked,
        spool_folder(url, environ),
        config.store.spool_rows,
        secret(config.store.redis, environ),
        workers,
    )


def rules(given: AccountingGiven) -> Rules:
    """Give what holds of every call."""
    return Rules(given.assumed_output_tokens, given.require_price)


def limits(given: AccountingGiven) -> dict[str, Limits]:
    """Give the limits besides those of keys, by subject; none that limits nothing."""
    found = {
        "gateway": given.gateway.limits,
        **{f"team:{name}": one.limits for name, one in given.teams.items()},
        **{f"model:{name}": one.limits for name, one in given.models.items()},
    }
    return {subject: limits for subject, limits in found.items() if limits.has_any}


def digests(config: Config, environ: Mapping[str, str]) -> list[str]:
    """Give the SHA-256 of the operator's own keys, in hex."""
    found: list[str] = []
    for entry in config.server.keys:
        if entry.startswith("$"):
            value = secret(entry, environ)
            assert value is not None, "the configuration was checked against this environment"  # noqa: S101
            found.append(digest(value))
        else:
            found.append(entry.removeprefix("sha256:"))
    return found


def prices(config: Config) -> Prices:
    """Give what targets cost."""
    kinds = {name: kind for name, options in config.providers.items() if (kind := options.priced_as) is not None}
    return Prices(config.prices, kinds)
