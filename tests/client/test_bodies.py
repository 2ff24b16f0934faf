"""What goes into a request, and what is told in words because it fits into none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from milepost.client import Client, Execution, Unsendable
from milepost.client.bodies import encode
from tests.client.test_transport import JOB, answer, key_of, serving

JOB_ID = UUID(str(JOB["id"]))
DAY = datetime(2026, 1, 31, 8, tzinfo=UTC)


def endless() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["again"] = value
    return value


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


def test_ids_times_and_mappings_are_written_as_the_api_writes_them():
    written = encode({"id": JOB_ID, "at": DAY, "day": DAY.date(), "of": MappingProxyType({"a": (1, "ö")})})

    assert json.loads(written) == {
        "id": str(JOB_ID),
        "at": "2026-01-31T08:00:00+00:00",
        "day": "2026-01-31",
        "of": {"a": [1, "ö"]},
    }


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"x", "\udcff", {JOB_ID: 1}, endless(), deep()],
                         ids=["nan", "set", "bytes", "surrogate", "key", "endless", "deep"])  # fmt: skip
def test_what_is_no_json_is_told_in_a_sentence(value: Any):
    with pytest.raises(Unsendable, match=r"^The request cannot be sent: .+\.$") as refused:
        encode({"metadata": value})

    assert "Error" not in str(refused.value)


async def test_a_job_takes_the_times_and_ids_that_other_jobs_gave(client: Client):
    first = await client.submit("executions", prompt="First.", scheduled_at=datetime.now(UTC) + timedelta(days=1))

    second = await client.submit(
        "executions", prompt="Second.", scheduled_at=first.scheduled_at, metadata={"after": first.id}
    )

    assert second.scheduled_at == first.scheduled_at
    assert isinstance(second, Execution)
    assert second.metadata == {"after": str(first.id)}


async def test_many_jobs_may_come_out_of_a_generator(client: Client):
    def requests() -> Iterator[dict[str, Any]]:
        yield from ({"prompt": f"From a generator, {n}."} for n in range(3))

    assert len(await client.submit_many("executions", requests())) == 3


@pytest.mark.parametrize("key", ["", "a\nb", " blank", "ключ", "k" * 256])
async def test_a_key_that_the_api_would_refuse_is_no_random_one(key: str):
    async with serving() as (url, seen), Client(url, "sk_x") as client:
        with pytest.raises(Unsendable, match="1 to 255 printable"):
            await client.submit("executions", idempotency_key=key, prompt="x")
        with pytest.raises(Unsendable, match="1 to 255 printable"):
            await client.submit_many("executions", [{"prompt": "x"}], idempotency_key=key)

    assert seen == []


async def test_without_a_key_every_submit_has_its_own():
    made = answer("202 Accepted", JOB)
    async with serving(made, made) as (url, seen), Client(url, "sk_x") as client:
        for _ in range(2):
            await client.submit("executions", prompt="x")

    assert len({key_of(request) for request in seen}) == 2
