"""Who may talk to the gateway."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from llms.auth import Keyring


@dataclass(frozen=True, slots=True)
class Policy:
    """
    Who may talk to the gateway.

    Args:
        keyring: The keys.
        hosts: Names besides the loopback ones that the gateway goes by, without port.
        origins: Origins besides its own that may call it from a browser, as ``https://chat.example``.
        public: Paths that need no key, as the router writes them: ``/ui/{path}``.
        catch_up: Has the keyring know what was changed elsewhere until now; ``None`` where nothing is.
    """

    keyring: Keyring
    hosts: frozenset[str]
    origins: frozenset[str]
    public: frozenset[str]
    catch_up: Callable[[], Awaitable[None]] | None = None
