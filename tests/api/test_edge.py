"""The outermost layer: unknown paths and methods, headers, problems, the document that describes it all."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from milepost.api.app import create_app
from milepost.api.problems import SLUGS
from milepost.db.connections import Patience
from milepost.db.tenants import DatabaseOptions, open_database
from milepost.domain.api_key import make_key
from tests.api.conftest import Person

PATH = "/v1/executions"
ABSENT = "0197a2b4-0000-7000-8000-000000000001"


async def test_unknown_paths_are_not_found_and_known_ones_name_their_methods(anybody: Any, caster: Person) -> None:
    for path in ("/", "/v1", "/v1/nothing", f"{PATH}/", f"/{PATH}", "/v1/%2e%2e/x", "/v1/executions%00", f"{PATH};x",
                 f"{PATH}.", "/v2/executions", "/docs", "/redoc"):  # fmt: skip
        answer = await caster.http.get(path)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found"), path
        assert answer.headers["content-type"] == "application/problem+json"
    for method in ("DELETE", "PUT", "PATCH", "TRACE", "OPTIONS", "NONSENSE"):
        answer = await anybody.request(method, PATH)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST"), method
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await anybody.get(f"{PATH}:batch")).headers["allow"] == "POST"


async def test_a_path_with_a_part_that_names_nothing_is_not_there_whatever_is_asked(
    anybody: Any, caster: Person
) -> None:
    parts = {"{job_id}": "x", "{artifact_id}": ABSENT.upper(), "{image_id}": f"{ABSENT}%0a", "{slug}": "nothing",
             "{name}": "x.png"}  # fmt: skip
    document = (await anybody.get("/openapi.json")).json()
    found = [path for path in document["paths"] if "{" in path]
    for path in found:
        for name, part in parts.items():
            path = path.replace(name, part)  # noqa: PLW2901
        for method in ("GET", "HEAD", "OPTIONS", "POST", "DELETE"):
            answer = await caster.http.request(method, path)
            if path == "/v1/images/sources":
                continue
            assert answer.status_code == 404, (method, path)
            assert "allow" not in answer.headers
    assert len(found) > 10


async def test_what_is_allowed_is_what_can_be_asked(anybody: Any, caster: Person) -> None:
    # a path of its own beside one with an id
    for method in ("OPTIONS", "GET", "HEAD", "DELETE"):
        answer = await caster.http.request(method, "/v1/images/sources")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST"), method
    document = (await anybody.get("/openapi.json")).json()
    job = (await caster.http.post(PATH, json={"prompt": "a"})).json()["id"]
    for path, verbs in document["paths"].items():
        answer = await anybody.options(path.replace("{job_id}", job).replace("{slug}", "not-found"))
        if "{" in path.replace("{job_id}", "").replace("{slug}", ""):
            continue
        allowed = {verb.upper() for verb in verbs} | ({"HEAD"} if "get" in verbs else set())
        assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, allowed), path


async def test_a_line_feed_behind_a_path_is_part_of_it(anybody: Any, caster: Person) -> None:
    job = (await caster.http.post(PATH, json={"prompt": "a"})).json()["id"]
    for path in ("/healthz", "/metrics", "/openapi.json", PATH, f"{PATH}/{job}", f"{PATH}/{job}/why"):
        assert (await caster.http.get(f"{path}%0a")).status_code == 404, path


async def test_head_tells_of_every_get_what_it_would_answer_and_nothing_more(anybody: Any, caster: Person) -> None:
    job = (await caster.http.post(PATH, json={"prompt": "a"})).json()["id"]
    paths = [PATH, f"{PATH}/{job}", f"/v1/jobs/{job}/why", "/v1/summary?x=1", f"{PATH}/{ABSENT}", "/v1/nothing",
             "/healthz", "/readyz", "/openapi.json", "/problems/not-found"]  # fmt: skip
    for path in paths:
        for http in (caster.http, anybody):
            got, head = await http.get(path), await http.head(path)
            assert (head.status_code, head.content) == (got.status_code, b""), path
            assert told(head) == told(got), path
    refused = await caster.http.head(f"{PATH}:batch")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    counted = (await anybody.get("/metrics")).text
    assert 'milepost_http_requests_total{method="HEAD",route="/v1/executions/{job_id}",status="200"}' in counted


def told(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


async def test_head_of_a_stream_ends_with_its_headers(caster: Person) -> None:
    async with asyncio.timeout(5):
        head = await caster.http.head("/v1/events")

    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert head.content == b""


async def test_too_many_and_too_long_headers_are_refused(caster: Person) -> None:
    many = await caster.http.get(PATH, headers={f"X-{n}": "1" for n in range(500)})
    long = await caster.http.get(PATH, headers={"X-Long": "x" * 65_536})

    for answer in (many, long):
        assert (answer.status_code, answer.json()["type"]) == (431, "/problems/headers-too-large")
        assert answer.headers["connection"] == "close"


async def test_every_answer_has_a_request_id_of_its_own(caster: Person, anybody: Any) -> None:
    answers = [
        await caster.http.get(PATH),
        await anybody.get(PATH),
        await anybody.get("/nothing"),
        await anybody.get("/healthz"),
    ]

    assert len({answer.headers["x-request-id"] for answer in answers}) == 4


async def test_every_problem_is_explained_where_its_type_points(anybody: Any) -> None:
    for slug, meant in SLUGS.items():
        answer = await anybody.get(f"/problems/{slug}")
        assert (answer.status_code, answer.json()["status"]) == (200, meant.status)
    assert (await anybody.get("/problems/nothing")).status_code == 404


async def test_an_error_that_nobody_foresaw_is_a_problem_that_tells_nothing(deps: Any, caplog: Any) -> None:
    async def broken(_: str) -> Any:
        raise RuntimeError("postgresql://somebody:secret@10.0.0.1/x")

    object.__setattr__(deps, "databases", broken)
    headers = {"Authorization": f"Bearer {make_key(bytes(32)).text}"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(create_app(deps)), base_url="http://test") as client:
        answer = await client.get(PATH, headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error")
    assert "secret" not in answer.text
    assert answer.json()["instance"] in caplog.text


async def test_a_database_that_is_away_is_a_503_with_a_time_to_come_back(deps: Any) -> None:
    away = await open_database(
        "default", "postgresql://nobody@127.0.0.1:1/x", DatabaseOptions(patience=Patience(whole=0.2, one_try=1.0))
    )

    async def databases(_: str) -> Any:
        return away

    object.__setattr__(deps, "databases", databases)
    headers = {"Authorization": f"Bearer {make_key(bytes(32)).text}"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(create_app(deps)), base_url="http://test") as client:
        answer = await client.post(PATH, json={"prompt": "x"}, headers=headers)
    await away.close()

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert answer.headers["retry-after"] == "2"


async def test_redis_away_costs_a_producer_nothing(caster: Person, doorbell: Any, owner: Any) -> None:
    pool = doorbell._redis.connection_pool
    port = pool.connection_kwargs["port"]
    await pool.disconnect()
    pool.reset()  # connections that exist would go back to where they were
    pool.connection_kwargs["port"] = 1

    answer = await caster.http.post(PATH, json={"prompt": "x"})
    await doorbell.drain()

    await pool.disconnect()
    pool.reset()
    pool.connection_kwargs["port"] = port
    assert (answer.status_code, doorbell.rings.lost) == (202, 1)
    assert await owner.fetchval("SELECT count(*) FROM executions") == 1


async def test_the_document_describes_requests_answers_and_problems(anybody: Any) -> None:
    document = (await anybody.get("/openapi.json")).json()

    submit = document["paths"][PATH]["post"]
    request = document["components"]["schemas"]["CreateExecution"]
    assert submit["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/CreateExecution"
    }
    assert request["required"] == ["prompt"]
    assert request["additionalProperties"] is False
    assert {"max_tokens", "scheduled_at", "timeout_seconds"} <= set(request["properties"])
    assert {"202", "400", "401", "403", "415", "422", "429", "503"} <= set(submit["responses"])
    assert {"page", "page_size", "status", "has_artifacts", "cursor"} <= {
        parameter["name"] for parameter in document["paths"][PATH]["get"]["parameters"]
    }
    assert document["paths"]["/healthz"]["get"]["security"] == []
    assert _dangling(document) == set()


def _dangling(document: Any) -> set[str]:
    found: set[str] = set()
    waiting = [document]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            target = item.get("$ref")
            if isinstance(target, str):
                room, name = target.rsplit("/", 2)[1:]
                if name not in document["components"][room]:
                    found.add(target)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return found
