"""Every route with every scope: who may, and that who may write is told nothing that only who may read is to know."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from milepost.api import app
from milepost.api.access import check_all
from milepost.domain.outcome import Done
from milepost.domain.scopes import ROLES, SCOPES
from tests.api_fixtures import Caller, House
from tests.dashboard.conftest import ended
from tests.images_fixtures import REQUEST, Brush, Easel, png

CANARY = "canary-7f3a"
GUARDED_FROM = frozenset(SCOPES) - {"job:read", "audit:read", "ops:deploy"}
TOLD = {"id", "kind", "status", "version", "ids", "count", "upload_url"}
EXECUTION = {"prompt": CANARY, "model": "offline/extract", "metadata": {"note": CANARY}}
STICKER = REQUEST | {"prompt": CANARY, "title": CANARY}
SUBMIT, CONTROL = {"job:submit"}, {"job:submit", "ops:deploy"}

Answer = httpx2.Response


@dataclass(frozen=True)
class Desk:
    """The owner of everything, with all scopes, and the same user with the key that is tried."""

    house: House
    owner: Caller
    tried: Caller

    async def send(self, method: str, path: str, **request: Any) -> Answer:
        return await self.tried.http.request(method, path, **request)

    async def execution(self) -> str:
        return (await self.owner.submit(**EXECUTION))["id"]

    async def finished(self) -> str:
        columns = {"output": CANARY, "stop_reason": "end_turn"}
        return str((await ended(self.house, self.owner, Done(columns), prompt=CANARY)).id)

    async def cancelled(self) -> str:
        job = await self.execution()
        await self.owner.http.post(f"/v1/jobs/{job}/cancel", json={"reason": CANARY})
        return job

    async def sticker(self) -> str:
        return (await self.owner.http.post("/v1/images", json=STICKER)).json()["id"]

    async def drawn(self) -> Mapping[str, Any]:
        easel = Easel(self.house.database, self.house.store, Brush(), self.owner.user_id)
        task = await easel.draw(prompt=CANARY)
        return (await self.owner.http.get(f"/v1/images/{task.id}")).json()

    async def file(self, *, stored: bool) -> str:
        made = await self.owner.http.post(
            f"/v1/executions/{await self.execution()}/artifacts",
            json={"file_name": CANARY, "file_size": 3, "tags": {"note": CANARY}},
        )
        if stored:
            await self.owner.http.put(made.json()["upload_url"], content=b"abc")
        return made.json()["id"]


@dataclass(frozen=True)
class Write:
    """One way to ask a route: the scopes of which each suffices for what is one's own, and how to ask."""

    route: str
    suffices: set[str]
    ask: Callable[[Desk], Awaitable[Answer]]
    whole: bool = True  # whether a reader is told more


async def _patch(desk: Desk) -> Answer:
    body = {"version": 1, "is_permanent": True}
    return await desk.send("PATCH", f"/v1/executions/{await desk.execution()}", json=body)


async def _announce(desk: Desk) -> Answer:
    body = {"file_name": CANARY, "file_size": 3, "checksum": hashlib.sha256(b"abc").hexdigest(), "tags": {"a": CANARY}}
    return await desk.send("POST", f"/v1/executions/{await desk.execution()}/artifacts", json=body)


async def _upload(desk: Desk) -> Answer:
    return await desk.send("PUT", f"/v1/artifacts/{await desk.file(stored=False)}/content", content=b"abc")


async def _replay(desk: Desk) -> Answer:
    headers = {"Idempotency-Key": str(uuid4())}
    await desk.owner.http.post("/v1/executions", json=EXECUTION, headers=headers)
    return await desk.send("POST", "/v1/executions", json=EXECUTION, headers=headers)


async def _replay_many(desk: Desk) -> Answer:
    headers = {"Idempotency-Key": str(uuid4())}
    await desk.owner.http.post("/v1/images:batch", json={"jobs": [STICKER]}, headers=headers)
    return await desk.send("POST", "/v1/images:batch", json={"jobs": [STICKER]}, headers=headers)


def _control(
    path: str, made: Callable[[Desk], Awaitable[str]], body: Any = None
) -> Callable[[Desk], Awaitable[Answer]]:
    async def ask(desk: Desk) -> Answer:
        return await desk.send("POST", path.format(job_id=await made(desk)), json=body)

    return ask


async def _drawn_id(desk: Desk) -> str:
    return (await desk.drawn())["id"]


async def _stopped_sticker(desk: Desk) -> str:
    task = await desk.sticker()
    await desk.owner.http.post(f"/v1/images/{task}/cancel")
    return task


async def _on_file(desk: Desk, method: str, verb: str) -> Answer:
    return await desk.send(method, f"/v1/artifacts/{await desk.file(stored=True)}{verb}")


async def _on_picture(desk: Desk) -> Answer:
    return await desk.send("DELETE", f"/v1/generated_images/{(await desk.drawn())['result']['image_id']}")


WRITES = [
    Write("POST /v1/executions", SUBMIT, lambda d: d.send("POST", "/v1/executions", json=EXECUTION)),
    Write("POST /v1/executions", SUBMIT, _replay),
    Write("POST /v1/executions:batch", SUBMIT, lambda d: d.send("POST", "/v1/executions:batch", json={"jobs": [EXECUTION]}), whole=False),
    Write("POST /v1/executions/{job_id}/cancel", CONTROL, _control("/v1/executions/{job_id}/cancel", Desk.execution, {"reason": CANARY})),
    Write("POST /v1/executions/{job_id}/cancel", CONTROL, _control("/v1/executions/{job_id}/cancel", Desk.finished)),
    Write("POST /v1/executions/{job_id}/retry", CONTROL, _control("/v1/executions/{job_id}/retry", Desk.cancelled, {"reason": CANARY})),
    Write("PATCH /v1/executions/{job_id}", CONTROL, _patch),
    Write("POST /v1/executions/{job_id}/artifacts", CONTROL, _announce),
    Write("PUT /v1/artifacts/{artifact_id}/content", CONTROL, _upload),
    Write("POST /v1/artifacts/{artifact_id}/archive", CONTROL, lambda d: _on_file(d, "POST", "/archive")),
    Write("DELETE /v1/artifacts/{artifact_id}", CONTROL, lambda d: _on_file(d, "DELETE", ""), whole=False),
    Write("POST /v1/images", SUBMIT, lambda d: d.send("POST", "/v1/images", json=STICKER)),
    Write("POST /v1/images:batch", SUBMIT, _replay_many, whole=False),
    Write("POST /v1/images/{job_id}/cancel", CONTROL, _control("/v1/images/{job_id}/cancel", _drawn_id)),
    Write("POST /v1/images/{job_id}/retry", CONTROL, _control("/v1/images/{job_id}/retry", _stopped_sticker)),
    Write("POST /v1/images/sources", SUBMIT, lambda d: d.send("POST", "/v1/images/sources", files={"file": ("a.png", png(7))})),
    Write("DELETE /v1/generated_images/{image_id}", CONTROL, _on_picture, whole=False),
    Write("POST /v1/jobs/{job_id}/cancel", CONTROL, _control("/v1/jobs/{job_id}/cancel", Desk.finished)),
    Write("POST /v1/jobs/{job_id}/retry", CONTROL, _control("/v1/jobs/{job_id}/retry", Desk.cancelled)),
]  # fmt: skip


async def desk_with(house: House, *scopes: str) -> Desk:
    role = next(name for name, role in ROLES.items() if {"job:submit", "job:read", *scopes} <= role.scopes)
    owner = await house.caller("job:submit", "job:read", role=role)
    return Desk(house, owner, await house.caller(*scopes, role=role, user_id=owner.user_id))


def keys_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for member in value.values() for key in keys_in(member)}
    return {key for member in value for key in keys_in(member)} if isinstance(value, list) else set()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("scope", SCOPES)
async def test_each_write_route_takes_its_scopes_alone_and_tells_who_may_not_read_nothing(
    house: House, scope: str
) -> None:
    desk = await desk_with(house, scope)
    for write in WRITES:
        answer = await write.ask(desk)
        said = f"{write.route} with {scope}: {answer.status_code} {answer.text}"
        assert (answer.status_code < 300) is (scope in write.suffices), said
        if answer.status_code >= 300:
            assert answer.json()["type"] == "/problems/insufficient-scope", said
        elif scope in GUARDED_FROM:
            assert CANARY not in f"{answer.text} {answer.headers}", said
            assert keys_in(answer.json() if answer.content else {}) <= TOLD, said
        else:
            assert not write.whole or keys_in(answer.json()) - TOLD, said


async def test_every_write_route_is_among_those_that_are_tried(house: House) -> None:
    document = (await house.client().get("/openapi.json")).json()
    routes = {f"{verb.upper()} {path}" for path, verbs in document["paths"].items() for verb in verbs if verb != "get"}

    assert routes == {write.route for write in WRITES}


async def test_the_document_names_the_scopes_that_let_in(house: House) -> None:
    document = (await house.client().get("/openapi.json")).json()
    suffices = {write.route: write.suffices for write in WRITES}

    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            told = [scope for way in operation["security"] for scope in way.get("key", ())]
            known = suffices.get(
                f"{verb.upper()} {path}", set(SCOPES) - GUARDED_FROM if path.startswith("/v1/") else set()
            )
            asked = operation.get("x-scopes", {"own": [], "others": []})

            assert set(told) == known == {*asked["own"], *asked["others"]}, (verb, path)
            assert len(told) == len(set(told))
            assert all(f"`{scope}`" in operation["description"] for scope in told)


async def test_what_names_and_places_a_job_is_told_to_who_may_not_read(house: House) -> None:
    desk = await desk_with(house, "job:submit")

    made = await desk.tried.http.post("/v1/executions", json=EXECUTION)
    stopped = await desk.tried.http.post(f"{made.headers['location']}/cancel")

    assert made.json() == {"id": made.json()["id"], "kind": "execution", "status": "PENDING", "version": 1}
    assert made.headers["location"] == f"/v1/executions/{made.json()['id']}"
    assert stopped.json() == {**made.json(), "status": "CANCELLED", "version": 2}
    assert stopped.headers["etag"].startswith('"2.')


async def test_the_tag_of_a_brief_answer_confirms_no_guess_at_the_whole_one(house: House) -> None:
    desk = await desk_with(house, "job:submit")
    job = await desk.finished()

    brief = await desk.tried.http.post(f"/v1/jobs/{job}/cancel")
    whole = await desk.owner.http.post(f"/v1/jobs/{job}/cancel")
    again = await desk.tried.http.post(
        f"/v1/jobs/{await desk.finished()}/cancel", headers={"If-Match": brief.headers["etag"]}
    )

    assert brief.headers["etag"] != whole.headers["etag"]
    assert again.status_code == 200, "it names the version all the same"


async def test_refusals_tell_who_may_not_read_the_status_and_the_version_and_no_more(house: House) -> None:
    desk = await desk_with(house, "job:submit")
    done, key = await desk.finished(), {"Idempotency-Key": "once"}
    await desk.owner.http.post("/v1/executions", json=EXECUTION, headers=key)
    upload = await desk.file(stored=True)
    answers = {
        409: [
            await desk.send("POST", f"/v1/executions/{done}/retry"),
            await desk.send("PATCH", f"/v1/executions/{done}", json={"version": 3, "status": "RUNNING"}),
            await desk.send("PUT", f"/v1/artifacts/{upload}/content", content=b"abc"),
        ],
        412: [
            await desk.send("POST", f"/v1/jobs/{done}/retry", headers={"If-Match": '"9"'}),
            await desk.send("PATCH", f"/v1/executions/{done}", json={"version": 9, "is_permanent": True}),
        ],
        422: [
            await desk.send("POST", "/v1/executions", json=EXECUTION | {"max_tokens": 5}, headers=key),
        ],
    }  # fmt: skip
    # a report on a job, even on one's own, is not for this scope: it is refused before it is looked at
    assert answers[409].pop(1).status_code == 403
    for status, found in answers.items():
        for answer in found:
            assert answer.status_code == status, answer.text
            assert CANARY not in answer.text
            assert keys_in(answer.json().get("current", {})) <= {"status", "version"}


async def test_registering_a_stored_file_tells_who_may_not_read_neither_its_size_nor_its_digest(house: House) -> None:
    desk = await desk_with(house, "job:submit")
    artifact = await desk.file(stored=True)
    known = (await desk.owner.http.get(f"/v1/artifacts/{artifact}")).json()
    url = f"/v1/executions/{known['execution_id']}/artifacts"
    body = {"file_name": "x", "file_path": known["file_path"], "file_size": 4}

    longer = await desk.send("POST", url, json=body)
    other = await desk.send("POST", url, json=body | {"file_size": 3, "checksum": "0" * 64})

    assert {longer.status_code, other.status_code} == {422}
    assert longer.json()["detail"] == other.json()["detail"]
    assert known["checksum"] not in other.text


async def test_a_producer_that_may_only_submit_gives_its_own_job_files_and_nobody_elses(house: House) -> None:
    desk, stranger = await desk_with(house, "job:submit"), await house.caller("job:submit", "job:read")
    job = (await desk.tried.http.post("/v1/executions", json=EXECUTION)).json()["id"]
    foreign = (await stranger.submit())["id"]
    body = {"file_name": "a.txt", "file_size": 3}

    made = await desk.tried.http.post(f"/v1/executions/{job}/artifacts", json=body)
    stored = await desk.tried.http.put(made.json()["upload_url"], content=b"abc")
    kept = await desk.tried.http.post(f"{made.headers['location']}/archive")
    refused = await desk.tried.http.post(f"/v1/executions/{foreign}/artifacts", json=body)

    assert [stored.json(), kept.json()] == [{"id": made.json()["id"], "status": s} for s in ("ACTIVE", "ARCHIVED")]
    assert (await desk.owner.http.get(f"{made.headers['location']}/content")).content == b"abc"
    assert refused.status_code == 404
    assert (await desk.tried.http.get(made.headers["location"])).status_code == 403


@pytest.mark.parametrize("scope", SCOPES)
async def test_each_read_route_takes_a_scope_that_reads_alone(house: House, scope: str) -> None:
    desk = await desk_with(house, scope)
    document = (await house.client().get("/openapi.json")).json()
    reads = [path for path, verbs in document["paths"].items() if "get" in verbs and path.startswith("/v1/")]
    assert len(reads) > 20

    for path in reads:
        ids = {**dict.fromkeys(("job_id", "artifact_id", "image_id"), str(uuid4())), "name": "0" * 64 + ".png"}
        # an address that is found, or a query that is refused, only after the scope was asked for
        answer = await desk.tried.http.get(path.format(**ids), params={"nonsense": "1"})

        assert (answer.status_code == 403) is (scope in GUARDED_FROM), (path, answer.text)
        assert answer.status_code in {403, 404, 422}, (path, answer.text)


def test_a_route_that_asks_for_no_scope_is_never_served(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from fastapi import APIRouter

    router = APIRouter()
    router.add_api_route("/v1/open", lambda: None)

    with pytest.raises(RuntimeError, match="/v1/open asks for no scope"):
        check_all(router.routes)
    monkeypatch.setattr(app, "ROOMS", (*app.ROOMS, type("Room", (), {"routes": staticmethod(lambda _: router)})))
    with pytest.raises(RuntimeError, match="asks for no scope"):
        app.create_app(house.deps)
