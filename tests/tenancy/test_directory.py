"""Where tenants' databases are: one bad address is that tenant's trouble alone, and each role has its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from milepost.cli.maintain import open_tenants
from milepost.db.connections import Connections, Patience
from milepost.db.tenants import DatabaseOptions, Tenants, open_database
from milepost.domain.errors import ConfigurationError, Unavailable
from milepost.tenancy import keys
from milepost.tenancy.directory import Directory
from milepost.tenancy.install import register_tenant
from tests.db_fixtures import OPTIONS, Urls

MASTER = bytes(32)
AWAY = DatabaseOptions(patience=Patience(whole=0.1, one_try=0.5))
PAIR = "postgresql://app@127.0.0.1/a postgresql://maintenance@127.0.0.1/a"


@pytest.fixture
async def control(control_url: str) -> AsyncIterator[Connections]:
    opened = await open_database("control", control_url, OPTIONS)
    yield opened.connections
    await opened.close()


async def enter(control_url: str, tenant: str, address: str) -> None:
    wrapped = keys.wrap(MASTER, keys.new_key(), f"tenant {tenant}")
    await register_tenant(control_url, tenant, name=tenant, address=address, database=tenant, key_wrapped=wrapped)


def directory(control: Connections, environment: dict[str, str], *, maintenance: bool = False) -> Directory:
    return Directory(control, MASTER, known={}, environment=environment.get, maintenance=maintenance)


async def test_tenants_whose_address_leads_nowhere_are_left_out_until_it_leads_somewhere(
    control_url: str, control: Connections, urls: Urls, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environment = {"GOOD": urls.maintenance}
    await enter(control_url, "a_unset", "env:UNSET")
    await enter(control_url, "b_missing", f"file:{tmp_path / 'address'}")
    await enter(control_url, "c_sealed", keys.seal_address(bytes([1] * 32), urls.maintenance, "c_sealed"))
    await enter(control_url, "d_good", "env:GOOD")
    found = directory(control, environment)
    tenants = Tenants(found.address, OPTIONS)

    assert [database.name for database in await open_tenants(found, tenants)] == ["d_good"]
    assert all(f"tenant {bad} is not maintained" in caplog.text for bad in ("a_unset", "b_missing", "c_sealed"))

    environment["UNSET"] = urls.maintenance
    (tmp_path / "address").write_text(urls.maintenance + "\n")
    opened = await open_tenants(found, tenants)
    assert [database.name for database in opened] == ["a_unset", "b_missing", "d_good"]
    for database in opened:
        assert await database.connections.run(lambda connection: connection.fetchval("SELECT 1")) == 1
    await tenants.close()


@pytest.mark.parametrize("how", ["env", "file", "enc"])
async def test_an_address_of_two_urls_answers_each_role_with_its_own(
    control_url: str, control: Connections, tmp_path: Path, how: str
) -> None:
    (tmp_path / "address").write_text(PAIR.replace(" ", "\n") + "\n")
    stored = {"env": "env:PAIR", "file": f"file:{tmp_path / 'address'}", "enc": keys.seal_address(MASTER, PAIR, "a")}
    await enter(control_url, "a", stored[how])

    assert await directory(control, {"PAIR": PAIR}).address("a") == PAIR.split(maxsplit=1)[0]
    assert await directory(control, {"PAIR": PAIR}, maintenance=True).address("a") == PAIR.split()[1]


async def test_an_address_of_white_space_leads_nowhere(control_url: str, control: Connections) -> None:
    await enter(control_url, "a", "env:BLANK")

    with pytest.raises(ConfigurationError, match="leads nowhere"):
        await directory(control, {"BLANK": " "}).address("a")


async def test_a_tenant_that_is_switched_off_is_not_active_and_the_last_answer_holds_while_nobody_answers(
    control_url: str, control: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("milepost.tenancy.directory.REMEMBERED_SECONDS", -1.0)
    await enter(control_url, "shop", "env:SHOP")
    found = directory(control, {})

    assert await found.is_active("shop")
    await control.run(lambda connection: connection.execute("UPDATE tenants SET is_active = false WHERE id = 'shop'"))
    assert not await found.is_active("shop")
    assert await found.is_active("a tenant that has no row, for its address stands in settings")

    away = await open_database("control", "postgresql://nobody@127.0.0.1:1/x", AWAY)
    found._connections = away.connections
    assert not await found.is_active("shop")
    with pytest.raises(Unavailable):
        await found.is_active("another")
    await away.close()
