"""Where the two Alembic histories lie: inside the installed package, or beside `src` in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

History = Literal["control", "tenant"]


def migrations_root() -> Path:
    package = Path(__file__).resolve().parents[1]
    shipped = package / "_migrations"
    return shipped if shipped.is_dir() else package.parents[1] / "migrations"


def history(name: History) -> Path:
    return migrations_root() / name
