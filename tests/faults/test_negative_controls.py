"""Each breakage of the product is caught by its invariant, with faults that the product itself comes out of unharmed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from tests.faults.breakages import BREAKAGES, HALVES
from tests.faults.breakages.smallest import SMALLEST, Fault
from tests.faults.conftest import Verdict
from tests.faults.ground import Ground
from tests.faults.invariants import broken
from tests.faults.site import Figure, Site, open_site
from tests.servers.messages_api import ModelServer

pytestmark = pytest.mark.chaos


@pytest_asyncio.fixture(autouse=True)
async def clean() -> AsyncIterator[None]:
    """Every test here has an installation of its own, and nothing to clear away."""
    yield


@asynccontextmanager
async def installation(
    ground: Ground, figure: Figure, folders: pytest.TempPathFactory, breakage: str | None = None
) -> AsyncIterator[Site]:
    folder = folders.mktemp("site")
    async with ModelServer() as models, open_site(ground, models, folder, figure, breakage=breakage) as made:
        await made.maintenance()
        yield made


@pytest_asyncio.fixture(scope="module")
async def product(ground: Ground, figure: Figure, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with installation(ground, figure, tmp_path_factory) as made:
        yield made


@pytest_asyncio.fixture
async def site(
    ground: Ground, figure: Figure, tmp_path_factory: pytest.TempPathFactory, breakage: str
) -> AsyncIterator[Site]:
    async with installation(ground, figure, tmp_path_factory, breakage) as made:
        yield made


@pytest.mark.parametrize("fault", dict.fromkeys(SMALLEST.values()))
async def test_the_product_comes_out_of_the_same_fault_unharmed(product: Site, fault: Fault) -> None:
    began = time.monotonic()
    await fault(product)
    await product.prove()
    product.figure(f"controls: {fault.__name__}, the product itself unharmed", time.monotonic() - began)


@pytest.mark.parametrize("breakage", HALVES)
async def test_half_of_a_breakage_is_not_what_its_faults_show(site: Site, breakage: str) -> None:
    await SMALLEST[HALVES[breakage]](site)
    await site.prove()


@pytest.mark.parametrize("breakage", BREAKAGES)
async def test_a_breakage_is_caught_by_its_invariant(site: Site, breakage: str, verdict: Verdict) -> None:
    began = time.monotonic()
    await SMALLEST[breakage](site)
    found = await broken(site.owner, site.promised)
    site.figure(f"controls: {breakage}, until caught", time.monotonic() - began)
    caught_by = {invariant.number for invariant in found}
    verdict(breakage, caught_by == {BREAKAGES[breakage].caught_by})
    assert caught_by == {BREAKAGES[breakage].caught_by}
