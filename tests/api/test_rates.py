"""Limits on asking: by key where settings say so, by address for keys that open nothing, on pages as on the API."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from milepost.api.app import create_app
from milepost.api.dependencies import REFUSALS_AT_ONCE, Limits
from milepost.api.problems import Problem
from milepost.cli.face import create_face
from milepost.domain.api_key import make_key
from milepost.domain.errors import TooOften
from tests.api_fixtures import House

PATH = "/v1/executions"


def client_of(app: Any, key: str | None = None, address: str = "192.0.2.1") -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    transport = httpx2.ASGITransport(app=app, client=(address, 1))
    return httpx2.AsyncClient(transport=transport, base_url="http://milepost.test", headers=headers)


@asynccontextmanager
async def limited(house: House, **limits: Any) -> AsyncIterator[Any]:
    app = create_app(replace(house.deps, limits=Limits(**limits)))
    yield app
    await app.state.deps.feeds.close()


async def test_a_key_over_its_allowance_is_told_when_to_come_back_and_others_are_not_held_up(house: House) -> None:
    busy, other = await house.caller(), await house.caller()
    # one comes back only after a quarter of an hour: however slow the machine is, none does while this asks
    async with limited(house, requests_per_second=0.001) as app, client_of(app, busy.key) as http:
        answers = [await http.get(PATH) for _ in range(3)]
        async with client_of(app, other.key) as neighbour:
            unharmed = await neighbour.get(PATH)

    assert [answer.status_code for answer in answers] == [200] + [429] * 2
    refused = answers[-1]
    assert refused.json()["type"] == "/problems/rate-limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 1000
    assert refused.headers["ratelimit-policy"] == '"key";q=1;w=1000'
    assert refused.headers["ratelimit"] == f'"key";r=0;t={refused.headers["retry-after"]}'
    assert unharmed.status_code == 200


async def test_without_a_setting_a_key_may_ask_as_often_as_it_likes(house: House) -> None:
    caller = await house.caller()

    assert {(await caller.http.get(f"{PATH}/nothing")).status_code for _ in range(300)} == {404}


async def test_an_address_that_tries_many_keys_is_stopped_before_any_query_and_good_keys_go_on(house: House) -> None:
    good, late = await house.caller(), await house.caller()
    async with limited(house, refusals_per_minute=0.01) as app, client_of(app, good.key) as http:
        assert (await http.get(PATH)).status_code == 200
        seen = set()
        async with client_of(app) as thief:
            for _ in range(REFUSALS_AT_ONCE):
                key = make_key(secrets.token_bytes(32)).text
                seen.add((await thief.get(PATH, headers={"Authorization": f"Bearer {key}"})).status_code)
            stopped = await thief.get(PATH, headers={"Authorization": f"Bearer {late.key}"})
        known = await http.get(PATH)
        async with client_of(app, late.key, "192.0.2.2") as neighbour:
            elsewhere = await neighbour.get(PATH)

    assert seen == {401}
    assert (stopped.status_code, stopped.headers["ratelimit-policy"]) == (429, '"refusals";q=100;w=600000')
    assert known.status_code == 200
    assert elsewhere.status_code == 200


async def test_keys_tried_from_an_address_end_no_stream_from_there_whose_key_is_good(house: House) -> None:
    good, revoked = await house.caller(), await house.caller()
    await house.revoke(revoked)
    async with limited(house, refusals_per_minute=0.01) as app:
        keeper = app.state.doorkeeper
        for _ in range(REFUSALS_AT_ONCE):
            app.state.deps.refusals.note("192.0.2.1")
        with pytest.raises(TooOften):
            await keeper.caller(scope_of(good.key))
        again = await keeper.again(scope_of(good.key))
        with pytest.raises(Problem) as refused:
            await keeper.again(scope_of(revoked.key))

    assert again.user_id == good.user_id
    assert refused.value.slug == "unauthorized"


def scope_of(key: str) -> Any:
    return {"headers": [(b"authorization", f"Bearer {key}".encode())], "client": ("192.0.2.1", 1)}


async def test_keys_tried_at_the_sign_in_page_count_as_well(house: House) -> None:
    caller = await house.caller()
    deps = replace(house.deps, limits=Limits(refusals_per_minute=0.01))
    face = create_face(deps)
    for _ in range(REFUSALS_AT_ONCE):
        deps.refusals.note("192.0.2.1")
    async with client_of(face) as http:
        page = (await http.get("/sign-in")).text
        token = page.split('name="form_token" value="')[1].split('"')[0]
        answer = await http.post("/sign-in", data={"form_token": token, "key": caller.key})

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert "set-cookie" not in answer.headers or "milepost_session" not in answer.headers["set-cookie"]


async def test_a_tenant_that_was_switched_off_is_told_so_once_its_key_is_proved(house: House) -> None:
    caller = await house.caller()
    served = True

    async def active(tenant: str) -> bool:
        assert tenant == "default"
        return served

    face = create_face(replace(house.deps, tenant_active=active))
    served = False
    async with client_of(face, caller.key) as http:
        refused = await http.get(PATH)
        unproved = await http.get(PATH, headers={"Authorization": f"Bearer {make_key(bytes(32)).text}"})

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/tenant-inactive")
    assert unproved.status_code == 401
