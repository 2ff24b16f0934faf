"""Fixtures that every room of the suite may ask for, and how properties are tried."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.servers_fixture", "tests.db_fixtures", "tests.api_fixtures", "tests.images_fixtures"]

# the same examples every time; `make test-all` asks for others, and more of them, with --hypothesis-profile=random
settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.register_profile("random", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("same")
