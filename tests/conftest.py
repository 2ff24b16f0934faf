"""Fixtures that every room of the suite may ask for."""

from __future__ import annotations

pytest_plugins = ["tests.servers_fixture", "tests.db_fixtures", "tests.api_fixtures", "tests.images_fixtures"]
