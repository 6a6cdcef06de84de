"""What to do where a package that a test needs is missing."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip with the reason; where CI is set a missing package is a failure."""
    reason = f"{what} is not installed (make test installs it where it can)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
