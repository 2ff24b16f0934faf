"""Each breakage still breaks the product as it is today, or refuses to run."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
import pytest_asyncio

from milepost import __version__
from tests.cli.running import clean_environment
from tests.faults.breakages import BREAKAGES, product
from tests.faults.breakages.patching import Gone, replace, reword


@pytest_asyncio.fixture(autouse=True)
async def clean() -> AsyncIterator[None]:
    """Nothing runs here that could be left behind."""
    yield


async def python(*arguments: str) -> tuple[int | None, str]:
    """In a process of its own: what is broken here must not stay broken for the tests that follow."""
    environment = clean_environment(PYTHONPATH=os.pathsep.join(["src", "."]))
    running = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment, stdout=PIPE, stderr=STDOUT
    )
    said, _ = await running.communicate()
    return running.returncode, said.decode()


@pytest.mark.parametrize("name", BREAKAGES)
async def test_the_product_has_what_a_breakage_takes_away(name: str) -> None:
    code, said = await python("-c", f"from tests.faults.breakages import {name}\n{name}.apply()")
    assert code == 0, said


async def test_the_broken_product_is_run_like_the_product() -> None:
    code, said = await python(*product("no_rescuer"), "--version")
    assert (code, said) == (0, f"broken on purpose: no_rescuer\nmilepost {__version__}\n")


def test_a_breakage_of_what_is_no_longer_there_is_refused() -> None:
    gone = SimpleNamespace(__name__="gone", other=lambda here: here)
    with pytest.raises(Gone, match=r"gone\.submit is not there"):
        replace(gone, "submit", lambda old: old)
    with pytest.raises(Gone, match="takes other arguments"):
        replace(gone, "other", lambda _: lambda there: there)


def test_a_statement_that_lost_the_part_to_be_changed_is_refused() -> None:
    text = SimpleNamespace(__name__="text", present=lambda table: f"SELECT * FROM {table} WHERE id = $1")
    reword(text, "present", ("WHERE version = ", ""))
    with pytest.raises(Gone, match="has no 'WHERE version = '"):
        text.present("executions")


def test_a_name_that_is_no_breakage_is_refused() -> None:
    with pytest.raises(ValueError, match="no breakage 'nothing'"):
        product("nothing")
