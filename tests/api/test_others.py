"""What is another's does not exist: every id of one user, with the keys of others, on every route that takes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2

from milepost.cli.face import desk_of
from milepost.dashboard.app import routes
from tests.api_fixtures import Caller, House
from tests.dashboard.conftest import TOKEN, Browser
from tests.images_fixtures import Brush, Easel

CANARY = "canary-7f3a"
MAKER = ("spell:publish", "cast:invoke", "job:submit", "job:read")
BODIES: tuple[Any, ...] = (
    None,
    {},
    {"file_name": "x", "file_size": 1},
    {"expected_version": 1, "status": "RUNNING"},
    {"reason": "because"},
)


@dataclass(frozen=True)
class Belongings:
    """Ids of one user by the parameter that takes them; of each as many again that nobody has."""

    ids: dict[str, list[str]]
    nobodys: dict[str, str]


async def belongings(house: House, caller: Caller) -> Belongings:
    job = await caller.submit(prompt=CANARY)
    easel = Easel(house.database, house.store, Brush(), caller.user_id)
    task = await easel.draw(prompt=CANARY)
    picture = (await caller.http.get(f"/v1/images/{task.id}")).json()["result"]
    url = f"/v1/executions/{job['id']}/artifacts"
    announced = await caller.http.post(url, json={"file_name": CANARY, "file_size": 3})
    stored = await caller.http.post(url, json={"file_name": CANARY, "file_size": 3})
    await caller.http.put(stored.json()["upload_url"], content=b"abc")
    ids = {
        "job_id": [job["id"], str(task.id)],
        "artifact_id": [announced.json()["id"], stored.json()["id"]],
        "image_id": [picture["image_id"]],
        "name": [picture["image_url"].rsplit("/", 1)[1]],
    }
    return Belongings(ids, {**{name: str(uuid4()) for name in ids}, "name": "0" * 64 + ".png"})


async def operations(house: House) -> list[tuple[str, str, str]]:
    """Method, path and the parameter of every route that takes an id."""
    document = (await house.client().get("/openapi.json")).json()
    found = [(verb.upper(), path) for path, verbs in document["paths"].items() for verb in verbs if "{" in path]
    return [(verb, path, path.split("{")[1].split("}")[0]) for verb, path in found if "{slug}" not in path]


async def asked(http: httpx2.AsyncClient, verb: str, path: str, body: Any) -> tuple[int, Any]:
    headers = {"If-Match": '"1"'} if body else {}
    answer = await http.request(verb, path, json=body, headers=headers)
    content = answer.json()
    content.pop("instance", None)
    return answer.status_code, content


async def test_every_id_of_one_user_is_to_others_an_id_that_does_not_exist(house: House, owner: Any) -> None:
    holder = await house.caller(*MAKER)
    others = [await house.caller(*MAKER), await house.caller("job:read"), await house.caller("job:submit")]
    own = await belongings(house, holder)
    routes_with_ids = await operations(house)
    before = await owner.fetch("SELECT id, version FROM executions UNION ALL SELECT id, version FROM image_tasks")
    asked_for = 0

    for verb, path, parameter in routes_with_ids:
        for other in others:
            for body in (None,) if verb in {"GET", "DELETE"} else BODIES:
                nothing = await asked(other.http, verb, path.format(**own.nobodys), body)
                assert nothing[0] in {403, 404, 415, 422}, (verb, path, body, nothing)
                for found in own.ids[parameter]:
                    answer = await asked(other.http, verb, path.format(**{parameter: found}), body)
                    assert answer == nothing, (verb, path, body, answer)
                    assert CANARY not in str(answer)
                    asked_for += 1
        everything = await asked(others[0].http, verb, path.format(**own.nobodys), BODIES[-1])
        assert everything[0] in {404, 422}, (verb, path, everything)

    after = await owner.fetch("SELECT id, version FROM executions UNION ALL SELECT id, version FROM image_tasks")
    assert after == before
    assert {parameter for _, _, parameter in routes_with_ids} == set(own.ids)
    assert asked_for > 300


async def test_the_owner_of_those_ids_finds_something_behind_each_of_them(house: House) -> None:
    holder = await house.caller(*MAKER)
    own = await belongings(house, holder)
    empty: list[str] = []

    for verb, path, parameter in await operations(house):
        if verb != "GET" or path.endswith("/events"):  # a stream does not end
            continue
        answers = [await holder.http.get(path.format(**{parameter: found})) for found in own.ids[parameter]]
        if not any(answer.status_code == 200 for answer in answers):
            empty.append(path)

    assert empty == []


async def test_lists_filters_and_counts_show_nothing_of_others(house: House) -> None:
    holder, other = await house.caller(*MAKER), await house.caller(*MAKER)
    await belongings(house, holder)
    document = (await house.client().get("/openapi.json")).json()
    lists = [path for path, verbs in document["paths"].items() if "get" in verbs and path.startswith("/v1/")]

    for path in lists:
        if "{" in path or path == "/v1/events":
            continue
        for query in ("", f"?user_id={holder.user_id}", f"?search={CANARY}"):
            answer = await other.http.get(path + query)
            if query and answer.status_code == 422:
                continue  # has no such filter
            assert answer.status_code == 200, (path, query, answer.text)
            assert CANARY not in answer.text
            assert not answer.json().get("items"), (path, query)


async def test_pages_keep_to_the_same_rule(house: House) -> None:
    desk = desk_of(house.deps)
    house.app.router.routes.extend(routes(desk))
    holder, other = await house.caller(*MAKER), await house.caller(*MAKER)
    own = await belongings(house, holder)
    browser = Browser(house.client(), other)
    await browser.send("/sign-in", "/sign-in", key=other.key)
    token = TOKEN.search(await browser.get("/"))
    assert token
    paths = [(verb, route.path) for route in routes(desk) for verb in route.methods or () if "_id}" in route.path]

    for verb, path in paths:
        parameter = path.split("{")[1].split("}")[0]
        if verb == "HEAD":
            continue
        form = {"form_token": token[1], "version": "1"} if verb == "POST" else None
        nothing = await browser.http.request(verb, path.format(**own.nobodys), data=form)
        for found in own.ids[parameter]:
            answer = await browser.http.request(verb, path.format(**{parameter: found}), data=form)
            assert (answer.status_code, answer.text) == (nothing.status_code, nothing.text), (verb, path)
            assert CANARY not in answer.text
    assert len(paths) >= 7
