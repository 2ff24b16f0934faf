"""Every kind over HTTP: submitted, read, listed, explained, cancelled, counted and described."""

from __future__ import annotations

from dataclasses import replace

import pytest

from milepost.api.app import create_app
from milepost.engine.kind import Kind
from tests.api_fixtures import Caller, House
from tests.kinds.conftest import sample


@pytest.fixture
async def caller(house: House) -> Caller:
    """With every scope that any kind may ask for."""
    house.app = create_app(replace(house.deps, default_model="offline/extract"))
    return await house.operator()


def headers(kind: Kind, key: str) -> dict[str, str]:
    return {"Idempotency-Key": key} if kind.key_required else {}


async def test_a_job_over_http(caller: Caller, kind: Kind) -> None:
    made = await caller.http.post(f"/v1/{kind.path}", json=sample(kind), headers=headers(kind, "one"))
    assert made.status_code == 202, made.text
    job = made.json()
    assert (job["kind"], job["phase"], job["version"], job["status"]) == (kind.name, "queued", 1, kind.machine.queued)
    assert made.headers["location"] == f"/v1/{kind.path}/{job['id']}"

    one = (await caller.http.get(f"/v1/{kind.path}/{job['id']}")).json()
    any_kind = (await caller.http.get(f"/v1/jobs/{job['id']}")).json()
    assert one == any_kind
    assert one["title"] == job["title"] != ""
    assert [step["to_status"] for step in one["status_transitions"]] == [kind.machine.queued]

    for path in (kind.path, "jobs"):
        listed = (await caller.http.get(f"/v1/{path}", params={"status": kind.machine.queued})).json()
        assert [(job["id"], job["title"])] == [(item["id"], item["title"]) for item in listed["items"]]

    assert (await caller.http.get(f"/v1/jobs/{job['id']}/why")).json()["reason"] == "no_worker"

    ended = (await caller.http.post(f"/v1/{kind.path}/{job['id']}/cancel")).json()
    assert (ended["phase"], ended["version"]) == ("cancelled", 2)
    again = (await caller.http.post(f"/v1/jobs/{job['id']}/retry")).json()
    assert (again["phase"], again["version"]) == ("queued", 3)


async def test_a_batch_over_http(caller: Caller, kind: Kind) -> None:
    jobs = {"jobs": [sample(kind), sample(kind)]}

    made = await caller.http.post(f"/v1/{kind.path}:batch", json=jobs, headers=headers(kind, "many"))

    assert (made.status_code, made.json()["count"]) == (202, 2)


async def test_a_search_finds_or_finds_nothing_but_never_fails(caller: Caller, kind: Kind) -> None:
    for path in (kind.path, "jobs"):
        found = await caller.http.get(f"/v1/{path}", params={"search": "no such text"})

        assert (found.status_code, found.json()["items"]) == (200, [])


async def test_the_openapi_document_tells_of_it(caller: Caller, kind: Kind) -> None:
    document = (await caller.http.get("/openapi.json")).json()

    one, control = f"/v1/{kind.path}/{{job_id}}", (f"/v1/{kind.path}/{{job_id}}/{verb}" for verb in ("cancel", "retry"))
    assert {f"/v1/{kind.path}", f"/v1/{kind.path}:batch", one, *control} <= set(document["paths"])
    assert kind.request.__name__ in document["components"]["schemas"]
    shown = document["components"]["schemas"][kind.name.title().replace("_", "")]
    request = document["components"]["schemas"][kind.request.__name__]
    for name, shape in {**shown["properties"], **request["properties"]}.items():
        assert shape.get("description") or "$ref" in shape, f"{name} says nothing of itself"
    assert shown["properties"]["status"]["enum"] == list(kind.machine.phases)


async def test_it_is_counted(caller: Caller, kind: Kind) -> None:
    summary = await caller.http.get("/v1/summary")
    metrics = await caller.http.get("/metrics")

    assert kind.name in summary.text
    assert f'kind="{kind.name}"' in metrics.text
