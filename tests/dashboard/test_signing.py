"""Signing in by a key: what a session is, what it gives, when it ends, and that nobody else's form is taken."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from milepost.cli.face import desk_of
from milepost.dashboard.app import routes
from milepost.dashboard.doors import COOKIE
from tests.api_fixtures import House
from tests.dashboard.conftest import TOKEN, Browser, SignIn, waiting


async def test_a_key_is_sent_once_and_the_browser_keeps_a_token_whose_hash_alone_is_stored(
    dashboard: House, owner: Any, enter: SignIn
) -> None:
    browser = await enter()

    row = await owner.fetchrow("SELECT *, expires - now() AS left FROM sessions")
    assert row["session_token"] == hashlib.sha256(browser.cookie.encode()).hexdigest()
    assert row["user_id"] == browser.caller.user_id
    assert 11.9 * 3600 < row["left"].total_seconds() <= 12 * 3600
    assert browser.caller.key not in browser.cookie
    audit = await owner.fetchrow("SELECT action, actor, details FROM audit_logs WHERE action LIKE 'session.%'")
    assert (audit["action"], audit["actor"]) == ("session.created", f"user:{browser.caller.user_id}")
    assert str(browser.caller.key_id) in audit["details"]


async def test_the_cookie_is_for_this_site_and_for_no_script(dashboard: House) -> None:
    caller = await dashboard.caller()
    plain = await _signed_in(dashboard, caller.key, "http")
    safe = await _signed_in(dashboard, caller.key, "https")

    assert "HttpOnly" in plain
    assert "SameSite=strict" in plain
    assert "Path=/" in plain
    assert "Secure" not in plain
    assert "Secure" in safe
    assert safe.startswith("__Host-")
    assert "Domain" not in safe


async def _signed_in(house: House, key: str, scheme: str) -> str:
    client = house.client()
    page = await client.get(f"{scheme}://milepost.test/sign-in")
    token = TOKEN.search(page.text)
    assert token
    answer = await client.post(f"{scheme}://milepost.test/sign-in", data={"form_token": token[1], "key": key})
    return next(cookie for cookie in answer.headers.get_list("set-cookie") if COOKIE in cookie)


@pytest.mark.parametrize("fault", ["typing", "unknown", "revoked", "nothing"])
async def test_a_key_that_opens_nothing_is_refused_and_not_shown_again(dashboard: House, fault: str) -> None:
    caller = await dashboard.caller()
    mistyped = caller.key[:-1] + ("x" if caller.key[-1] != "x" else "y")
    keys = {"typing": mistyped, "unknown": "sk_" + "0" * 49, "revoked": caller.key, "nothing": ""}
    if fault == "revoked":
        await dashboard.revoke(caller)
    browser = Browser(dashboard.client(), caller)

    answer = await browser.send("/sign-in", "/sign-in", key=keys[fault])

    assert answer.status_code == 403
    assert COOKIE not in browser.http.cookies
    assert caller.key[:12] not in answer.text
    assert "does not open anything" in answer.text


async def test_a_key_that_may_not_read_jobs_is_told_so(dashboard: House) -> None:
    caller = await dashboard.caller("spell:publish")

    answer = await Browser(dashboard.client(), caller).send("/sign-in", "/sign-in", key=caller.key)

    assert answer.status_code == 403
    assert "job:read" in answer.text


async def test_without_a_session_every_page_leads_to_the_door_and_back(dashboard: House) -> None:
    client = dashboard.client()

    for path in ("/", "/jobs?phase=failed", f"/jobs/{uuid7()}", f"/artifacts/{uuid7()}"):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in"), path
    answer = await client.get("/jobs?phase=failed")
    assert 'value="/jobs?phase=failed"' in (await client.get(answer.headers["location"])).text


@pytest.mark.parametrize(
    "place", ["//evil.example", "https://evil.example", "/\\evil.example", "/v1/jobs", "/sign-out"]
)
async def test_after_signing_in_one_lands_on_a_page_of_ours(dashboard: House, place: str) -> None:
    caller = await dashboard.caller()

    answer = await Browser(dashboard.client(), caller).send("/sign-in", "/sign-in", key=caller.key, next=place)

    assert answer.headers["location"] == "/"


async def test_signing_out_ends_the_session_for_whoever_has_the_cookie(
    dashboard: House, owner: Any, enter: SignIn
) -> None:
    browser = await enter()
    kept = browser.cookie

    answer = await browser.send("/sign-out", "/")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert await owner.fetchval("SELECT count(*) FROM sessions") == 0
    assert answer.headers["clear-site-data"] == '"cache"'
    thief = dashboard.client()
    thief.cookies.set(COOKIE, kept)
    assert (await thief.get("/")).status_code == 303


@pytest.mark.parametrize(
    "end",
    [
        "UPDATE api_keys SET status = 'revoked', revoked_at = now()",
        "UPDATE api_keys SET expires_at = now()",
        "UPDATE users SET status = 'suspended'",
        "UPDATE sessions SET expires = now()",
        "UPDATE users SET role = 'auditor'; UPDATE api_keys SET scopes = '{job:submit}'",
    ],
)
async def test_a_session_ends_with_its_key_its_user_its_scopes_or_its_time(owner: Any, enter: SignIn, end: str) -> None:
    browser = await enter()
    await browser.get("/")

    await owner.execute(end)

    assert (await browser.http.get("/")).status_code == 303


async def test_a_session_ends_when_its_tenant_is_switched_off(house: House) -> None:
    served = True

    async def active(_: str) -> bool:
        return served

    desk = replace(desk_of(house.deps), tenant_active=active)
    house.app.router.routes.extend(routes(desk))
    browser = Browser(house.client(), await house.caller())
    assert (await browser.send("/sign-in", "/sign-in", key=browser.caller.key)).status_code == 303
    await browser.get("/")

    served = False

    assert (await browser.http.get("/")).status_code == 303


async def test_signing_in_again_ends_the_session_that_the_browser_had(
    dashboard: House, owner: Any, enter: SignIn
) -> None:
    browser = await enter()
    first = browser.cookie

    await browser.send("/sign-in", "/sign-in", key=browser.caller.key)

    assert browser.cookie != first
    assert await owner.fetchval("SELECT count(*) FROM sessions") == 1
    thief = dashboard.client()
    thief.cookies.set(COOKIE, first)
    assert (await thief.get("/")).status_code == 303


async def test_a_token_that_a_browser_brings_along_is_never_made_a_session(dashboard: House) -> None:
    caller = await dashboard.caller()
    planted = f"default.{caller.key_id.hex}.{'A' * 43}"
    browser = Browser(dashboard.client(), caller)
    browser.http.cookies.set(COOKIE, planted, domain="milepost.test", path="/")

    await browser.send("/sign-in", "/sign-in", key=caller.key)

    thief = dashboard.client()
    thief.cookies.set(COOKIE, planted)
    assert (await thief.get("/")).status_code == 303


async def test_a_session_cannot_be_turned_into_one_of_another_key(dashboard: House, enter: SignIn) -> None:
    modest = await dashboard.caller("job:read")
    strong = await dashboard.caller("job:read", "job:submit", user_id=modest.user_id)
    browser = await enter(modest)
    forged = browser.cookie.replace(modest.key_id.hex, strong.key_id.hex)
    assert forged != browser.cookie

    thief = dashboard.client()
    thief.cookies.set(COOKIE, forged)

    assert (await thief.get("/")).status_code == 303


async def test_a_session_gives_no_more_than_its_key(dashboard: House, enter: SignIn) -> None:
    caller = await dashboard.caller("job:read")
    job = await waiting(dashboard, caller)
    browser = await enter(caller)

    page = await browser.get(f"/jobs/{job.id}")
    refused = await browser.send(f"/jobs/{job.id}/cancel", "/", version=1)

    assert "Cancel job" not in page
    assert refused.status_code == 403
    assert "job:submit" in refused.text


async def test_forms_of_others_are_refused_whatever_they_ask(dashboard: House, owner: Any, enter: SignIn) -> None:
    browser, other = await enter(), await enter()
    job = await waiting(dashboard, browser.caller)
    path = f"/jobs/{job.id}/cancel"
    token = TOKEN.search(await browser.get("/"))
    foreign = TOKEN.search(await other.get("/"))
    assert token
    assert foreign

    none = await browser.http.post(path, data={"version": 1})
    another = await browser.http.post(path, data={"version": 1, "form_token": foreign[1]})
    elsewhere = await browser.http.post(
        path, data={"version": 1, "form_token": token[1]}, headers={"Origin": "https://evil.example"}
    )
    cross = await browser.http.post(
        path, data={"version": 1, "form_token": token[1]}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    json = await browser.http.post(path, json={"form_token": token[1]})

    assert [answer.status_code for answer in (none, another, elsewhere, cross, json)] == [403, 403, 403, 403, 415]
    assert await owner.fetchval("SELECT status FROM executions WHERE id = $1", job.id) == "PENDING"
    ours = await browser.http.post(
        path, data={"version": 1, "form_token": token[1]},
        headers={"Origin": "http://milepost.test", "Sec-Fetch-Site": "same-origin"},
    )  # fmt: skip
    assert ours.status_code == 303


async def test_nobody_is_signed_in_by_another_sites_form(dashboard: House) -> None:
    caller = await dashboard.caller()
    client = dashboard.client()
    token = TOKEN.search((await client.get("/sign-in")).text)
    assert token
    stranger = dashboard.client()

    without_cookie = await stranger.post("/sign-in", data={"form_token": token[1], "key": caller.key})
    from_elsewhere = await client.post(
        "/sign-in", data={"form_token": token[1], "key": caller.key}, headers={"Origin": "null"}
    )

    assert (without_cookie.status_code, from_elsewhere.status_code) == (403, 403)


async def test_a_link_from_another_site_comes_back_with_the_cookie(dashboard: House, enter: SignIn) -> None:
    answer = await dashboard.client().get("/jobs", headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text


async def test_oversized_doubled_and_broken_forms_are_refused(enter: SignIn) -> None:
    browser = await enter()
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    large = await browser.http.post("/sign-out", content=b"a=" + b"x" * 20_000, headers=form)
    doubled = await browser.http.post("/sign-out", content=b"form_token=a&form_token=b", headers=form)
    broken = await browser.http.post("/sign-out", content=b"form_token=%ff", headers=form)

    assert [large.status_code, doubled.status_code, broken.status_code] == [413, 400, 400]
