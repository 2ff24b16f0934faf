"""Times as people give them to a command."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

AGO = re.compile(r"(\d{1,7})(s|min|h|d)")
UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}


def moment(text: str | None) -> str | None:
    """As the API takes it: `2h` is two hours ago. Any other text is left for the API to judge."""
    found = AGO.fullmatch((text or "").strip())
    if found is None:
        return text
    try:
        at = datetime.now(UTC) - timedelta(**{UNITS[found[2]]: int(found[1])})
    except OverflowError:
        return text
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
