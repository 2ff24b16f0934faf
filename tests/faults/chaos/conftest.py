"""The run in here has servers and processes of its own."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def clean() -> None:
    """In place of the one that would start a site."""
