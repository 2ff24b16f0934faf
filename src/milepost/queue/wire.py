"""What a bell looks like in Redis: arq's own format, JSON instead of pickle, and an id that says everything itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import orjson
from arq.constants import job_key_prefix

from milepost.db.ids import read_id
from milepost.domain.bell import Bell

INSTALLATION_KEY = "milepost:installation"
BODY_LIFE_MS = 30 * 86_400_000
# what the columns of a job can hold: anything else is not from us, and would spoil the claim of a whole group
VERSIONS = range(1, 2**31)
PRIORITIES = range(-100, 101)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def queue_name(kind: str) -> str:
    """The sorted set of a kind: arq's `queue_name`."""
    return f"milepost:{kind}"


def wake_list(kind: str) -> str:
    """The list an idle worker sleeps on."""
    return f"milepost:{kind}:wake"


def arq_id(bell: Bell) -> str:
    """The arq job id. With the kind, which is the queue's, it is the whole bell."""
    return f"{bell.tenant}:{bell.job_id}:{bell.version}:{bell.priority}"


def body_key(job: str) -> str:
    return job_key_prefix + job


def lines(bell: Bell) -> bytes:
    """A bell as `ring.lua` reads it, which makes arq's serialized job of it."""
    return f"{arq_id(bell)}\n{0 if bell.due_at is None else to_ms(bell.due_at)}\n".encode()


def to_ms(moment: datetime) -> int:
    """Rounded up: a bell that comes before its time is turned away."""
    if moment.tzinfo is None:  # so the driver reads PostgreSQL's infinities: due at once, or never
        moment = moment.replace(tzinfo=UTC)
    return -((EPOCH - moment) // MILLISECOND)


def parse(kind: str, raw: bytes) -> Bell | None:
    """The bell behind an arq job id of ours; None for anybody else's."""
    try:
        tenant, job, version, priority = raw.decode().split(":")
        return _possible(Bell(tenant, kind, read_id(job), int(version), int(priority)))
    except ValueError:
        return None


def read_body(kind: str, data: bytes | None) -> Bell | None:
    """The bell in arq's serialized job; None if it is gone, not JSON, or meant for another function."""
    try:
        job: Any = orjson.loads(data or b"")
        if not isinstance(job, Mapping) or cast("Mapping[str, Any]", job)["f"] != kind:
            return None
        tenant, job_id, version = cast("Mapping[str, Any]", job)["a"]
        return _possible(Bell(str(tenant), kind, read_id(str(job_id)), int(version)))
    except (KeyError, TypeError, ValueError):
        return None


def _possible(bell: Bell) -> Bell | None:
    return bell if bell.version in VERSIONS and bell.priority in PRIORITIES else None


def dump(job: dict[str, Any]) -> bytes:
    """The `job_serializer` for arq."""
    return orjson.dumps(job)


def load(data: bytes) -> dict[str, Any]:
    """The `job_deserializer` for arq."""
    return orjson.loads(data)
