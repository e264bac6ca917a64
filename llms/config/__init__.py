"""
The configuration: ``config.json``, found, read strictly, and checked whole before anything starts.

Every mistake is reported at once, each with its JSON path. Sections are decoded one by one instead of as one large
model: a mistake in one hides none in another, and a provider's are those of its own type only.
"""

from llms.config.load import Config, load, parse
from llms.config.locate import find
from llms.config.problems import ConfigError, Problem
from llms.config.schema import json_schema
from llms.config.server import HOST, Server
from llms.config.source import Source

__all__ = ["HOST", "Config", "ConfigError", "Problem", "Server", "Source", "find", "json_schema", "load", "parse"]
