"""What a data folder keeps to itself: database passwords and the development key, each in a file of mode 0600."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from milepost.embedded.folder import write_private


@dataclass(frozen=True, slots=True)
class Passwords:
    """Of the two login roles."""

    app: str = field(repr=False)
    maintenance: str = field(repr=False)


def passwords_in(data_dir: Path) -> Passwords:
    """Made at the first start."""
    file = data_dir / "logins.json"
    if not file.exists():
        fresh = Passwords(secrets.token_urlsafe(24), secrets.token_urlsafe(24))
        replace_private(file, json.dumps({"app": fresh.app, "maintenance": fresh.maintenance}))
    return Passwords(**json.loads(file.read_text()))


def replace_private(file: Path, text: str) -> None:
    """Written beside its place and renamed: a reader sees the old text or the new one, whole."""
    fresh = file.with_name(f"{file.name}.new")
    write_private(fresh, text)
    fresh.replace(file)
