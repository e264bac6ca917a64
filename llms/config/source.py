"""Where the configuration comes from, so that it can be read again: a file, and what stands above it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from llms.config.load import Config, load


@dataclass(frozen=True, slots=True)
class Source:
    """
    A file of configuration.

    Args:
        path: The file.
        instead: Options of ``server`` that are used whatever the file says, checked already: the command line's.
    """

    path: Path
    instead: Mapping[str, Any] = field(default_factory=dict)

    def read(self, environ: Mapping[str, str]) -> Config:
        """
        Read and check the whole; as ``load``.

        Raises:
            ConfigError: With every mistake that is in it.
        """
        config = load(self.path, environ)
        return replace(config, server=config.server.model_copy(update=self.instead))
