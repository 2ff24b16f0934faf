"""`milepost.json`: how every other command finds the stack. Mode 0600; there while the stack runs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from milepost.cli.stack.secrets import replace_private
from milepost.settings import STACK_FILE


@dataclass(frozen=True, slots=True)
class Note:
    """What the file says. Addresses hold passwords."""

    api_url: str
    api_key: str = field(repr=False)
    redis_url: str = field(repr=False)
    database_url: str = field(repr=False)
    maintenance_database_url: str = field(repr=False)
    owner_database_url: str = field(repr=False)
    control_database_url: str = field(repr=False)
    control_owner_database_url: str = field(repr=False)
    sealer_database_url: str = field(repr=False)
    data_dir: str

    def write(self, pids: Mapping[str, int]) -> None:
        text = json.dumps({**asdict(self), "pids": dict(pids)}, indent=2)
        replace_private(Path(self.data_dir) / STACK_FILE, text + "\n")

    def remove(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            (Path(self.data_dir) / STACK_FILE).unlink()
