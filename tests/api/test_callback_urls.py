"""Callback URLs: judged when they are given, kept and shown as they will be asked, refused by class and never with an address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from milepost.api.app import create_app
from milepost.api.dependencies import Dependencies
from milepost.net.url_rules import UrlRules
from tests.api.conftest import Person

PATH = "/v1/executions"
KEPT = {
    "https://example.com": "https://example.com/",
    "https://münchen.de/Straße?q=ü": "https://xn--mnchen-3ya.de/Stra%C3%9Fe?q=%C3%BC",
    "https://日本語。jp/": "https://xn--wgv71a119e.jp/",
    "HTTPS://EXAMPLE.COM.:443/a/../b#c": "https://example.com/b",
}
REFUSED = {
    "https://metadata.packet.net/": "metadata",
    "https://kubernetes.default.svc/": "local name",
    "https://x.invalid/": "special-use name",
    "https://redis.default/": "unknown top-level domain",
    "https://[64:ff9b:a00:1::]/": "reserved",
    "https://[::ffff:10.0.0.1]/": "embedded IPv4",
    "https://2130706433/": "number form",
    "https://💩.la/": "host name",
    "https://faß.de/": "ambiguous",
    "https://exa\u200bmple.com/": "ambiguous",
    "https://user@example.com/": "user information",
    "https://example.com:22/": "port",
    "http://example.com/": "scheme",
    "https://example.com/" + "é" * 400: "length",
}


@pytest.mark.parametrize("url", KEPT)
async def test_a_url_is_kept_and_shown_as_it_will_be_asked(caster: Person, owner: Any, url: str) -> None:
    made = await caster.http.post(PATH, json={"prompt": "a", "callback_url": url})

    assert made.status_code == 202
    shown = await caster.http.get(made.headers["location"])
    listed = await caster.http.get(PATH)
    assert await owner.fetchval("SELECT callback_url FROM executions") == KEPT[url]
    assert shown.json()["callback_url"] == KEPT[url]
    assert [job["callback_url"] for job in listed.json()["items"]] == [KEPT[url]]


async def test_a_batch_keeps_every_url_as_it_will_be_asked(caster: Person, owner: Any) -> None:
    jobs = [{"prompt": "a", "callback_url": url} for url in KEPT] + [{"prompt": "a"}]

    made = await caster.http.post(f"{PATH}:batch", json={"jobs": jobs})

    assert made.status_code == 202
    rows = await owner.fetch("SELECT callback_url FROM executions")
    assert {row["callback_url"] for row in rows} == {*KEPT.values(), None}


async def test_the_same_request_with_its_key_is_the_same_job_however_its_url_is_kept(caster: Person) -> None:
    body, headers = {"prompt": "a", "callback_url": "https://münchen.de"}, {"Idempotency-Key": "k"}

    first, again = [await caster.http.post(PATH, json=body, headers=headers) for _ in range(2)]

    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]


@pytest.mark.parametrize("url", REFUSED)
async def test_a_refused_url_is_named_by_its_class_and_leaves_no_row(caster: Person, owner: Any, url: str) -> None:
    answer = await caster.http.post(PATH, json={"prompt": "a", "callback_url": url})

    told = answer.json()
    assert (answer.status_code, told["type"]) == (422, "/problems/url-not-allowed")
    assert told["errors"][0]["pointer"] == "/callback_url"
    assert told["errors"][0]["detail"].startswith(f"refused: {REFUSED[url]}")
    assert not {"2130706433", "10.0.0.1", "64:ff9b", "a00"} & set(told["detail"].replace("/", " ").split())
    assert await owner.fetchval("SELECT count(*) FROM executions") == 0


async def test_a_refusal_that_can_be_mended_says_how(caster: Person) -> None:
    answer = await caster.http.post(PATH, json={"prompt": "a", "callback_url": "https://faß.de/"})

    assert "xn--fa-hia.de" in answer.json()["detail"]
    assert "fass.de" in answer.json()["detail"]


@pytest.fixture
async def excepted(caster: Person, deps: Dependencies) -> AsyncIterator[httpx2.AsyncClient]:
    rules = UrlRules(exempt=frozenset({"localhost:9000"}), own=frozenset({"jobs.example.com"}))
    app = create_app(replace(deps, callback_rules=rules))
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test", headers=caster.http.headers) as http,
    ):
        yield http


async def test_settings_can_allow_a_host_for_development_and_name_our_own(excepted: httpx2.AsyncClient) -> None:
    urls = ["http://localhost:9000/hook", "http://localhost:9001/hook", "https://jobs.example.com/hook"]

    answers = [await excepted.post(PATH, json={"prompt": "a", "callback_url": url}) for url in urls]

    assert [answer.status_code for answer in answers] == [202, 422, 422]
    assert answers[2].json()["errors"][0]["detail"] == "refused: own host"
