"""What some tests need and what comes from Debian, not from PyPI."""

import os
import shutil
from pathlib import Path

import pytest


def needs(program: str, *, package: str) -> None:
    """Skip the test if ``program`` is not there; fail it where ``LLMS_FAULTS_REQUIRED=1`` says that all must run."""
    if shutil.which(program) is None:
        _missing(program, package)


def library(name: str, *, package: str) -> Path:
    """Give the path of a shared library in a folder of the package's own; as ``needs``."""
    for path in Path("/usr/lib").glob(f"*/{name}"):
        return path
    _missing(name.rpartition("/")[2], package)
    raise AssertionError


def _missing(what: str, package: str) -> None:
    message = f"{what} is missing: apt-get install {package}"
    if os.environ.get("LLMS_FAULTS_REQUIRED") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
