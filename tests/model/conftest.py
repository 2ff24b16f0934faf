"""A house for the state machine: the suite's servers, and every kind with leases that only a rule can end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from milepost.domain.policy import Lease
from milepost.engine.kind import Kind
from milepost.kinds import all_kinds
from milepost.storage import Store, local_store
from tests.db_fixtures import Urls
from tests.model.house import House


def patient(kind: Kind) -> Kind:
    """No lease of it ends because the machine is slow."""
    lease = Lease(length=timedelta(hours=1), cancel_grace=timedelta(hours=1))
    return replace(kind, policy=replace(kind.policy, lease=lease))


@pytest.fixture
def house(urls: Urls, redis_server: Any) -> Iterator[House]:
    opened = House(urls, redis_server.url.removesuffix("/0") + "/6", tuple(patient(kind) for kind in all_kinds()))
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return local_store(tmp_path)
