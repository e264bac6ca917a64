"""
Keeps the tests of the SDK out of an ordinary run.

They use the real ``airefinery-sdk``, which needs Python 3.12 and weighs more than all the rest; ``.ci/airefinery`` makes
an environment for them. They are collected only if they are named, and then fail where the SDK is missing.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    named = [Path(config.invocation_params.dir, argument.partition("::")[0]).resolve() for argument in config.args]
    return None if any(path.is_relative_to(HERE) for path in named) else True
