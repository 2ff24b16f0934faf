"""What every create request carries, and the bounds that all kinds share."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AliasGenerator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from milepost.domain.ids import WHOLE
from milepost.kinds.told import BLANKS, NO_NUL, Told, whole

FURTHEST_DUE = timedelta(days=30)
# the driver writes the first and the last moment as PostgreSQL's infinities, which it reads back without an offset; the
# whole days, so that no offset reaches them
ENDS = frozenset({date.min, date.max})
# a number that PostgreSQL writes longer than it came
EXPONENT = re.compile(r"\de[+-]\d")
# what any callback's address looks like; which of them may be asked, rules decide that are no pattern
CALLBACK = rf"^[Hh][Tt][Tt][Pp][Ss]?://[^\u0000{BLANKS}]+$"
CANONICAL = WHOLE
RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)


def plain_text(value: str) -> str:
    """Text that PostgreSQL can hold: no NUL, no lone surrogate."""
    if "\x00" in value:
        raise PydanticCustomError("invalid_text", "contains a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("invalid_text", "contains a lone surrogate") from None
    return value


def rfc3339(value: Any) -> Any:
    """Only a string with date, time and offset; numbers are no times. Not the first or last day of the calendar."""
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else _parsed(value)
    if moment.date() in ENDS:
        raise PydanticCustomError("out_of_range", "must be after 0001-01-01 and before 9999-12-31")
    return moment


def _parsed(value: Any) -> datetime:
    try:
        if isinstance(value, str) and RFC3339.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise PydanticCustomError(
        "invalid_datetime", "must be an RFC 3339 date and time with an offset, like 2026-01-31T08:00:00Z"
    )


def canonical(value: Any) -> Any:
    """One id, one spelling: no braces, no `urn:`, no capitals."""
    if isinstance(value, str) and not CANONICAL.fullmatch(value):
        raise PydanticCustomError("invalid_id", "must be a canonical UUID")
    return value


CanonicalId = Annotated[UUID, BeforeValidator(canonical), Told(pattern=whole(CANONICAL.pattern))]
PlainText = Annotated[str, AfterValidator(plain_text), Told(pattern=NO_NUL)]
Moment = Annotated[AwareDatetime, BeforeValidator(rfc3339), Told(pattern=whole(RFC3339.pattern))]


def within_json(limit: int, depth: int = 32) -> AfterValidator:
    """A JSON value of at most `limit` bytes as text, nested at most `depth` deep."""

    def check(value: Any) -> Any:
        if _depth(value) > depth:
            raise PydanticCustomError("too_many_items", "is nested too deep")
        text = json.dumps(value, ensure_ascii=False)
        plain_text(text)
        if "\\u0000" in text and _holds_nul(value):
            raise PydanticCustomError("invalid_text", "contains a NUL character")
        if len(text.encode()) + (_zeros(value) if EXPONENT.search(text) else 0) > limit:
            raise PydanticCustomError("too_long", "is longer than {limit} bytes", {"limit": limit})
        return value

    return AfterValidator(check)


def _depth(value: JsonValue, level: int = 1) -> int:
    if level > 40:
        return level
    if isinstance(value, dict):
        return max((_depth(v, level + 1) for v in value.values()), default=level)
    if isinstance(value, list):
        return max((_depth(v, level + 1) for v in value), default=level)
    return level


def _zeros(value: JsonValue) -> int:
    """The bytes that PostgreSQL adds, which writes numbers without an exponent: 1e300 has 301 digits."""
    if isinstance(value, dict):
        return sum(map(_zeros, value.values()))
    if isinstance(value, list):
        return sum(map(_zeros, value))
    return len(f"{Decimal(repr(value)):f}") - len(repr(value)) if isinstance(value, float) else 0


def _holds_nul(value: JsonValue) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(name) or _holds_nul(member) for name, member in value.items())
    if isinstance(value, list):
        return any(_holds_nul(member) for member in value)
    return isinstance(value, str) and "\x00" in value


def not_too_far(value: datetime) -> datetime:
    if value > datetime.now(UTC) + FURTHEST_DUE:  # noqa: TID251 - a bound on input decides nothing about a job
        raise PydanticCustomError("out_of_range", "must be at most 30 days ahead")
    return value


def ahead(value: datetime) -> datetime:
    if value <= datetime.now(UTC):  # noqa: TID251 - a bound on input decides nothing about a job
        raise PydanticCustomError("out_of_range", "must be in the future")
    return value


class Strict(BaseModel):
    """Refuses unknown fields and silent conversions; takes snake_case and camelCase names.

    The class's docstring and the descriptions of its fields stand in the API's reference and the command line's help.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        populate_by_name=True,
        alias_generator=AliasGenerator(validation_alias=to_camel),
    )


class CreateJob(Strict):
    """The fields of every create request."""

    scheduled_at: Annotated[Moment, AfterValidator(not_too_far)] | None = Field(
        default=None, description="Not before this time, at most 30 days ahead; one that has passed means now."
    )
    priority: int = Field(default=0, ge=-100, le=100, description="Of two that are due, the higher runs first.")
    max_attempts: int = Field(
        default=3, ge=1, le=100, description="How often it is tried before it has failed: lost workers count."
    )
    callback_url: Annotated[PlainText, Told(format="uri", pattern=CALLBACK)] | None = Field(
        default=None,
        max_length=2048,
        description="Kept and shown, but nothing is sent to it yet; the answer's `warnings` say so. An address that leads"
        " inside, or that programs read differently, is refused.",
    )
