"""One digest of all that a request asks for, by which a replay of its idempotency key is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from milepost.engine.kind import Kind, Request

TRACKED = ("priority", "scheduled_at", "max_attempts", "timeout_seconds", "callback_url")


def request_digest(kind: Kind, request: Request, columns: Mapping[str, Any]) -> str:
    """SHA-256 of the request as it was sent, defaults filled in. The row cannot tell it: it changes with time.

    What is absent is left out, so that a column added later changes no digest of a request without it.
    """
    asked = {name: getattr(request, name) for name in TRACKED}
    asked |= {name: _value(kind, name, value) for name, value in columns.items() if name not in kind.derived}
    given = {name: value for name, value in asked.items() if value is not None}
    text = json.dumps(given, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _value(kind: Kind, column: str, value: Any) -> Any:
    # members of a JSON object have no order
    return json.loads(value) if isinstance(value, str) and kind.table.types[column] == "JSONB" else value


def _plain(value: object) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
