"""What a data folder keeps to itself: database passwords and the development key, each in a file of mode 0600."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field, fields
from pathlib import Path

from milepost.embedded.folder import write_private


@dataclass(frozen=True, slots=True)
class Passwords:
    """Of the login roles."""

    app: str = field(repr=False)
    maintenance: str = field(repr=False)
    sealer: str = field(repr=False)


def passwords_in(data_dir: Path) -> Passwords:
    """Made at the first start; one that came with a later release is added."""
    file = data_dir / "logins.json"
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    missing = {login.name: secrets.token_urlsafe(24) for login in fields(Passwords) if login.name not in kept}
    if missing:
        replace_private(file, json.dumps(kept | missing))
    return Passwords(**kept, **missing)


def replace_private(file: Path, text: str) -> None:
    """Written beside its place and renamed: a reader sees the old text or the new one, whole."""
    fresh = file.with_name(f"{file.name}.new")
    write_private(fresh, text)
    fresh.replace(file)
