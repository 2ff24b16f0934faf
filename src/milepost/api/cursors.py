"""Cursors of lists: where the next page begins, signed, bound to the filter and to the caller."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from milepost.api.answers import encode
from milepost.api.auth import Caller
from milepost.api.problems import Problem

MAC_BYTES = 16


class Cursors:
    """Of one list as one caller asks for it. `asked` is everything that decides which jobs come, and in which order."""

    def __init__(self, secret: bytes, caller: Caller, path: str, asked: Mapping[str, Any]) -> None:
        self._secret = secret
        self._bound = encode([caller.database.name, caller.owner, caller.user_id, path, sorted(asked.items())])

    def make(self, value: Any, job_id: UUID) -> str:
        place = encode([value.isoformat() if isinstance(value, datetime) else value, job_id])
        return base64.urlsafe_b64encode(self._mac(place) + place).decode().rstrip("=")

    def read(self, cursor: str) -> tuple[Any, UUID]:
        """The sort value and the id. Raises invalid-cursor for whatever we did not make for this list."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise Problem("invalid-cursor") from None
        mac, place = raw[:MAC_BYTES], raw[MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(place)):
            raise Problem("invalid-cursor")
        value, job_id = orjson.loads(place)
        return value, UUID(job_id)

    def _mac(self, place: bytes) -> bytes:
        return hmac.digest(self._secret, self._bound + b"\x00" + place, "sha256")[:MAC_BYTES]
