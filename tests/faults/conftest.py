"""Real processes against real servers that are killed, stopped and restarted under them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.faults.breakages import BREAKAGES
from tests.faults.ground import Ground
from tests.faults.site import Figure, Site, open_site
from tests.servers.messages_api import ModelServer

FIGURES = pytest.StashKey[list[str]]()
CAUGHT = pytest.StashKey[dict[str, bool]]()
Verdict = Callable[[str, bool], None]
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.timeout(120))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    lines = config.stash.get(FIGURES, [])
    if lines:
        terminalreporter.section("recovery")
        for line in lines:
            terminalreporter.write_line(line)
    caught = config.stash.get(CAUGHT, {})
    if caught:
        terminalreporter.write_line(f"{sum(caught.values())}/{len(BREAKAGES)} breakages caught")


@pytest.fixture(scope="session")
def figure(pytestconfig: pytest.Config) -> Figure:
    """Notes a measured figure, which is printed at the end, and holds it to its bound."""
    lines = pytestconfig.stash.setdefault(FIGURES, [])

    def note(what: str, value: float, *, bound: float | None = None, unit: str = "s") -> None:
        target = "" if bound is None else f"   (bound {bound:g} {unit})"
        lines.append(f"{what:<78} {value:9.2f} {unit}{target}")
        assert bound is None or value <= bound

    return note


@pytest.fixture(scope="session")
def verdict(pytestconfig: pytest.Config) -> Verdict:
    """Notes whether a breakage was caught; how many of them were is printed at the end."""
    return pytestconfig.stash.setdefault(CAUGHT, {}).__setitem__


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    # directly below the temporary folder: started by root, PostgreSQL is another user
    folder = Path(tempfile.mkdtemp(prefix="milepost-faults-"))
    folder.chmod(0o755)
    made = Ground(folder)
    try:
        made.prepare()
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="module")
async def site(ground: Ground, figure: Figure, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A fresh database, an empty Redis, a model server, and maintenance at work. Workers come with the tests."""
    folder = tmp_path_factory.mktemp("site")
    async with ModelServer() as models, open_site(ground, models, folder, figure) as made:
        await made.maintenance()
        yield made


@pytest_asyncio.fixture(autouse=True)
async def clean(request: pytest.FixtureRequest, site: Site) -> AsyncIterator[None]:
    """What a failed test left running does not disturb the next one."""
    failures = request.session.testsfailed
    yield
    if request.session.testsfailed > failures:
        await site.clear_away()
