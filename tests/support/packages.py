"""Programs that some tests need and that come from Debian, not from PyPI."""

import os
import shutil

import pytest


def needs(program: str, *, package: str) -> None:
    """Skip the test if ``program`` is not there; fail it instead where ``LLMS_FAULTS_REQUIRED=1`` says that all must run."""
    if shutil.which(program) is not None:
        return
    message = f"{program} is missing: apt-get install {package}"
    if os.environ.get("LLMS_FAULTS_REQUIRED") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
