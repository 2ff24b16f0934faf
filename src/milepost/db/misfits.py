"""Whether values fit the columns they are meant for: asked before they join a group, which one wrong value would spoil."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from operator import index
from typing import Any
from uuid import UUID

from milepost.db.job_table import JobTable

# of one write: what is larger than that is a file. It is sent again for every half of a group that is split
MOST_BYTES = 16 * 1024 * 1024
MOST_DIGITS = 1000
BITS = {"SMALLINT": 15, "INTEGER": 31, "BIGINT": 63}
# what a value says against itself: what is wrong, or None
Check = Callable[[Any], str | None]


def misfit(table: JobTable, columns: Mapping[Any, Any]) -> str | None:
    """What is wrong with the first value that does not fit, without the value; None when all do. Never raises."""
    try:
        return _misfit(table, columns)
    except BaseException as error:  # noqa: BLE001 - a value may raise whatever it likes when it is looked at
        return f"a value cannot be read ({type(error).__name__})"


def _misfit(table: JobTable, columns: Mapping[Any, Any]) -> str | None:
    checks, size = _checks(table), 0
    for name, value in columns.items():
        if name not in checks:
            return (
                f"{table.name} has no column {name[:100]!r}" if isinstance(name, str) else "a column's name is no str"
            )
        if value is None:
            continue
        if isinstance(value, str | bytes):
            size += len(value)
            if size > MOST_BYTES:
                return f"{name} makes it more than {MOST_BYTES:,} bytes; keep what is large in a file"
        if (wrong := checks[name](value)) is not None:
            return f"{name} {wrong}"
    return None


@lru_cache(maxsize=256)
def _checks(table: JobTable) -> Mapping[str, Check]:
    return {name: _check(kind) for name, kind in table.types.items()}


def _check(kind: str) -> Check:
    if kind in BITS:
        return _whole_number(2 ** BITS[kind])
    return CHECKS.get(re.sub(r"\(.*", "", kind), _anything)


def _whole_number(limit: int) -> Check:
    def check(value: Any) -> str | None:
        try:
            number = index(value)
        except TypeError:
            return _not_a(value, "a whole number")
        return None if -limit <= number < limit else f"holds numbers from {-limit} to {limit - 1}"

    return check


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        return _not_a(value, "a str")
    if "\0" in value:
        return "holds no NUL character"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "holds no lone surrogates"
    return None


def _json(value: Any) -> str | None:
    wrong = _text(value)
    if wrong is not None:
        return f"{wrong}; JSON is given as text, made by milepost.db.job_table.as_json"
    try:
        json.loads(value, parse_constant=_refuse)
    except RecursionError:
        return "is nested too deeply"
    except ValueError as error:
        return f"is not JSON: {str(error)[:100]}"
    return None


def _refuse(constant: str) -> None:
    raise ValueError(f"there is no {constant} in JSON")


def _number(value: Any) -> str | None:
    if not isinstance(value, int | float | Decimal):
        return _not_a(value, "a number")
    number = Decimal(value)
    if not number.is_finite():
        return "holds no NaN and no infinity"
    # the driver writes out every digit: of 1e1000000000 there are a billion
    return None if abs(number.adjusted()) < MOST_DIGITS else "holds no number so large or so small"


def _moment(value: Any) -> str | None:
    if not isinstance(value, datetime):
        return _not_a(value, "a datetime")
    value.astimezone(UTC)  # raises where that is beyond the calendar
    return None


def _a(kind: type[Any], called: str) -> Check:
    return lambda value: None if isinstance(value, kind) else _not_a(value, called)


def _anything(_: Any) -> None:
    """Of a type that is not known here the database knows what it takes."""


def _not_a(value: Any, called: str) -> str:
    return f"takes {called}, not {type(value).__name__[:100]}"


CHECKS: Mapping[str, Check] = {
    "TEXT": _text,
    "VARCHAR": _text,
    "JSONB": _json,
    "BOOLEAN": _a(bool, "a bool"),
    "NUMERIC": _number,
    "DOUBLE PRECISION": _number,
    "FLOAT": _number,
    "TIMESTAMP WITH TIME ZONE": _moment,
    "DATE": _a(date, "a date"),
    "UUID": _a(UUID, "a UUID"),
    "BYTEA": _a(bytes, "bytes"),
}
