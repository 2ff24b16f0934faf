"""What goes into a request: JSON with ids and times as the API writes them, and idempotency keys."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any, cast
from uuid import UUID

from milepost.client.errors import Unsendable

# blanks at its ends would not arrive
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")


def encode(value: Any) -> bytes:
    """Raises Unsendable."""
    try:
        text = json.dumps(value, default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return text.encode()
    except UnicodeEncodeError:
        raise Unsendable(reason="a text in it holds bytes that are no characters") from None
    except RecursionError:
        raise Unsendable(reason="it is nested too deep") from None
    except (TypeError, ValueError) as error:
        raise Unsendable(reason=f"it is no JSON: {error}") from None


def idempotency_key(given: str | None) -> str:
    """A new one where none is given. Raises Unsendable for one that the API would refuse."""
    if given is None:
        return secrets.token_urlsafe(24)
    if not IDEMPOTENCY_KEY.fullmatch(given):
        raise Unsendable(reason="an idempotency key is 1 to 255 printable ASCII characters, with no blank at its ends")
    return given


def _plain(value: object) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(cast("Mapping[Any, Any]", value))
    raise TypeError(f"a {type(value).__name__} has no form in it")
