"""A fault of the server is never taken for a fault of the row: every class of SQLSTATE, on a real server."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from milepost.db import faults
from milepost.db.connections import Patience
from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.domain.errors import RowRefused, Unavailable
from tests.db_fixtures import Urls
from tests.factories import TABLE, new_execution

SHORT = DatabaseOptions(patience=Patience(whole=0.05, one_try=5.0, pause=0.01))
# every class of the appendix, each with a code of it, whether the row is to blame, and what is told otherwise
CLASSES = {
    "03000": False, "08006": False, "09000": False, "0A000": False, "0B000": False, "0F000": False, "0L000": False,
    "0P000": False, "0Z000": False, "20000": False, "21000": False, "22003": True, "22001": True, "22P02": True,
    "22021": True, "23502": True, "23503": True, "23505": True, "23514": True, "23P01": True, "24000": False,
    "25006": False, "25P02": False, "26000": False, "27000": False, "28000": False, "28P01": False, "2B000": False,
    "2D000": False, "2F000": False, "34000": False, "38000": False, "39000": False, "3B000": False, "3D000": False,
    "3F000": False, "40001": False, "40P01": False, "42501": False, "42601": False, "42703": False, "42883": False,
    "42P01": False, "44000": False, "53000": False, "53100": False, "53200": False, "53300": False, "54000": False,
    "55000": False, "55006": False, "55P03": False, "57000": False, "57014": False, "57P01": False, "57P03": False,
    "58000": False, "58030": False, "72000": False, "F0000": False, "HV000": False, "MP001": True, "MP099": True,
    "P0001": False, "XX000": False, "XX001": False, "XX002": False,
}  # fmt: skip


@pytest.fixture
async def hurried(urls: Urls) -> AsyncIterator[TenantDatabase]:
    opened = await open_database("default", urls.app, SHORT)
    yield opened
    await opened.close()


def test_every_class_that_the_driver_knows_is_in_the_table() -> None:
    known = {cls.sqlstate[:2] for cls in _errors() if cls.sqlstate}

    assert known - {"10"} <= {code[:2] for code in CLASSES}  # 10 is an XQuery's, which a server does not have


@pytest.mark.parametrize("code", CLASSES)
async def test_only_data_and_constraints_blame_the_row(hurried: TenantDatabase, owner: Any, code: str) -> None:
    await owner.execute(f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.prompt = 'refuse' THEN RAISE EXCEPTION 'no: secret' USING ERRCODE = '{code}'; END IF; RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON executions FOR EACH ROW EXECUTE FUNCTION refuse();
    """)
    refused = new_execution(columns={**new_execution().columns, "prompt": "refuse"})

    with pytest.raises(RowRefused if CLASSES[code] else Unavailable) as told:
        await hurried.ledger.submit(TABLE, refused)

    assert "secret" not in f"{told.value} {told.value.hint}"
    if not CLASSES[code]:
        assert str(told.value).startswith("PostgreSQL is not available: ")
    assert (await hurried.ledger.submit(TABLE, new_execution())).job.version == 1


def test_what_the_driver_cannot_encode_is_the_rows_fault_and_what_it_loses_is_not() -> None:
    assert faults.is_the_rows(asyncpg.exceptions.DataError("22"))
    for error in (OSError(), TimeoutError(), asyncpg.InterfaceError("closed"), asyncpg.InternalClientError("odd")):
        assert faults.is_the_servers(error)
        assert faults.passes(error)
    for error in (TypeError(), KeyError(), RuntimeError()):
        assert not faults.is_the_servers(error)


def test_no_error_of_the_driver_is_left_without_somebody_to_blame() -> None:
    for cls in _errors():
        error = cls("told")
        assert faults.is_the_rows(error) != faults.is_the_servers(error)
        assert faults.unavailable(error).hint


def _errors() -> list[type[asyncpg.PostgresError]]:
    found = [cls for _, cls in inspect.getmembers(asyncpg.exceptions, inspect.isclass)]
    return [cls for cls in found if issubclass(cls, asyncpg.PostgresError) and cls is not asyncpg.PostgresError]
