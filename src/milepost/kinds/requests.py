"""What every create request carries, and the bounds that all kinds share."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, AliasGenerator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

FURTHEST_DUE = timedelta(days=30)


def plain_text(value: str) -> str:
    """Text that PostgreSQL can hold: no NUL, no lone surrogate."""
    if "\x00" in value:
        raise ValueError("contains a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("contains a lone surrogate") from None
    return value


def rfc3339(value: Any) -> Any:
    """Only a string with date, time and offset; numbers are no times."""
    if value is None or isinstance(value, datetime):
        return value
    if not isinstance(value, str) or len(value) < len("2026-01-01T00:00Z") or value[10:11] not in {"T", "t", " "}:
        raise ValueError("must be an RFC 3339 date and time with an offset, like 2026-01-31T08:00:00Z")
    return value


PlainText = Annotated[str, AfterValidator(plain_text)]
Moment = Annotated[AwareDatetime, BeforeValidator(rfc3339)]


def within_json(limit: int, depth: int = 32) -> AfterValidator:
    """A JSON value of at most `limit` bytes as text, nested at most `depth` deep."""

    def check(value: Any) -> Any:
        if _depth(value) > depth:
            raise ValueError(f"is nested more than {depth} deep")
        text = json.dumps(value, ensure_ascii=False)
        plain_text(text)
        if len(text.encode()) > limit or "\\u0000" in text:
            raise ValueError(f"is longer than {limit} bytes or contains a NUL character")
        return value

    return AfterValidator(check)


def _depth(value: Any, level: int = 1) -> int:
    if level > 40:
        return level
    if isinstance(value, dict):
        return max((_depth(v, level + 1) for v in value.values()), default=level)
    if isinstance(value, list):
        return max((_depth(v, level + 1) for v in value), default=level)
    return level


def not_too_far(value: datetime) -> datetime:
    if value > datetime.now(UTC) + FURTHEST_DUE:  # noqa: TID251 - a bound on input decides nothing about a job
        raise ValueError("must be at most 30 days ahead")
    return value.astimezone(UTC)


class Strict(BaseModel):
    """Refuses unknown fields and silent conversions; takes snake_case and camelCase names."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        populate_by_name=True,
        alias_generator=AliasGenerator(validation_alias=to_camel),
    )


class CreateJob(Strict):
    """The fields of every create request."""

    scheduled_at: Annotated[Moment, AfterValidator(not_too_far)] | None = None
    priority: int = Field(default=0, ge=-100, le=100)
    max_attempts: int = Field(default=3, ge=1, le=100)
    callback_url: PlainText | None = Field(default=None, max_length=2048)
