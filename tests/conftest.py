"""Fixtures that every room of the suite may ask for, and how properties are tried."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["tests.servers_fixture", "tests.db_fixtures", "tests.api_fixtures", "tests.images_fixtures",
                  "tests.wire_fixtures"]  # fmt: skip

# the same examples every time; `make test-all` asks for others, and more of them, with --hypothesis-profile=random
settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.register_profile("random", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("same")

TESTS = Path(__file__).parent
# rooms and files that start processes, draw, fill tables, or wait for time to pass: `make test-fast` leaves them out whole
SLOW = (
    "api/test_connections.py",
    "api/test_images.py",
    "benchmarks",
    "cli",
    "client",
    "dashboard",
    "embedded",
    "migrations/test_histories.py",
    "plans",
    "queue/test_shutdown.py",
    "sealing",
    "tenancy/test_first_start.py",
    "tools",
    "workers",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow = tuple(TESTS / name for name in SLOW)
    for item in items:
        if any(item.path.is_relative_to(each) for each in slow):
            item.add_marker(pytest.mark.slow)
