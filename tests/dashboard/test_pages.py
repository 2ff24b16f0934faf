"""What pages show: counts, lists, one job; nothing of others; hostile texts as texts; strict headers on all of it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from milepost.cli.face import desk_of
from milepost.dashboard.app import routes
from milepost.dashboard.doors import CONTENT_POLICY, COOKIE
from milepost.domain.errors import Unavailable
from milepost.domain.outcome import Done, Failed
from milepost.engine.cancel import cancel
from milepost.kinds.executions import KIND
from tests.api_fixtures import House
from tests.dashboard.conftest import Browser, SignIn, ended, progressed, running, stored, waiting
from tests.factories import expected

VENDORED = {
    "htmx-2.0.11.min.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    "idiomorph-0.8.0.min.js": "4cbd535caf7663a51eda9bce6595371c384fc430d54b8d414e29a61167f19f96",
}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{ 7*7 }}</pre>"
ROW = re.compile(r'href="/jobs/([0-9a-f-]{36})"')


async def test_every_answer_forbids_what_pages_do_not_need(dashboard: House, enter: SignIn) -> None:
    browser = await enter()
    job = await waiting(dashboard, browser.caller)

    for path in ("/", "/jobs", f"/jobs/{job.id}", f"/jobs/{uuid7()}", "/jobs?phase=nonsense"):
        headers = (await browser.http.get(path)).headers
        assert headers["content-security-policy"] == CONTENT_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert headers["x-request-id"]
    assert "unsafe" not in CONTENT_POLICY


async def test_no_page_has_a_script_or_a_style_inside(dashboard: House, enter: SignIn) -> None:
    browser = await enter()
    job = await ended(dashboard, browser.caller, Failed("BROKEN", "It broke."))

    for path in ("/", "/jobs", f"/jobs/{job.id}", "/sign-in"):
        page = await browser.get(path)
        assert not re.search(r"<script(?![^>]* src=\"/static/)|<style|\sstyle=|\son\w+=|javascript:", page), path


async def test_hostile_texts_are_shown_as_texts(dashboard: House, enter: SignIn) -> None:
    browser = await enter()
    failed = await ended(dashboard, browser.caller, Failed("BROKEN", HOSTILE), prompt=HOSTILE)
    await ended(dashboard, browser.caller, Done({"output": HOSTILE}), prompt=HOSTILE * 3)

    for path in ("/", "/jobs", f"/jobs/{failed.id}", "/jobs?search=%3Cscript%3E"):
        page = await browser.get(path)
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "49" not in page.partition("{{")[0] or "{{ 7*7 }}" in page


async def test_the_overview_tells_counts_failures_and_that_nobody_works(dashboard: House, enter: SignIn) -> None:
    browser = await enter()
    for _ in range(3):
        await waiting(dashboard, browser.caller)
    await running(dashboard, browser.caller)
    await ended(dashboard, browser.caller, Failed("BROKEN", "It broke."))

    page = await browser.get("/")

    sentence = re.sub(r"<[^>]+>|\s+", " ", page.partition("<h1")[2].partition("</h1>")[0])
    assert re.sub(r"\s+", " ", sentence).endswith("> 1 running , 3 waiting , 1 failed in the last hour .")
    assert 'href="/jobs?kind=execution&amp;phase=queued">3</a>' in page
    assert 'href="/jobs?kind=execution&amp;phase=failed&amp;ended=hour&amp;error_code=BROKEN">BROKEN</a>' in page
    assert "No worker is alive" in page


async def test_failures_of_the_last_hour_lead_to_those_and_no_others(
    dashboard: House, owner: Any, enter: SignIn
) -> None:
    browser = await enter(await dashboard.operator())
    codes = ("BROKEN", "BROKEN", "odd code/ü&x=1", "LATER LOST ITS CODE")
    recent = [await ended(dashboard, browser.caller, Failed(code, "x")) for code in codes]
    old = await ended(dashboard, browser.caller, Failed("BROKEN", "Long ago."))
    await ended(dashboard, browser.caller, Done({}))
    await waiting(dashboard, browser.caller)
    await owner.execute("UPDATE executions SET error_code = NULL WHERE id = $1", recent[3].id)
    await owner.execute(
        "UPDATE executions SET finished_at = now() - interval '61 minutes', started_at = now() - interval '1 day'"
        " WHERE id = $1",
        old.id,
    )

    page = await browser.get("/")
    link, told = re.search(r'href="([^"]+)"><b>(\d+)</b> failed in the last hour', page).groups()  # type: ignore[union-attr]
    rows = re.findall(r'<a class="code" href="([^"]+)">.*?<td class="end">(\d+)</td>', page)

    assert (told, await listed(browser, link)) == ("4", [str(job.id) for job in recent[::-1]])
    assert sorted(count for _, count in rows) == ["1", "1", "2"]
    for address, count in rows:
        assert len(await listed(browser, address)) == int(count), address


async def listed(browser: Browser, link: str) -> list[str]:
    """The jobs of a list, of which it says how many there are."""
    page = await browser.get(link.replace("&amp;", "&"))
    found = ROW.findall(page)
    assert re.search(rf"\b{len(found)} jobs? fits?\b", page), page
    return found


async def test_owners_see_their_own_and_operators_everybodys(dashboard: House, enter: SignIn) -> None:
    mine, theirs = await enter(), await enter()
    operator = await enter(await dashboard.operator())
    job = await waiting(dashboard, mine.caller, prompt="Mine alone")

    assert "Mine alone" in await mine.get("/jobs")
    assert "Mine alone" in await operator.get("/jobs")
    assert "Mine alone" not in await operator.get("/jobs?owner=me")
    assert "Mine alone" in await operator.get(f"/jobs?owner={mine.caller.user_id}")
    for path in ("/", "/jobs", f"/jobs?owner={mine.caller.user_id}"):
        assert "Mine alone" not in await theirs.get(path)
    hidden = await theirs.get(f"/jobs/{job.id}", 404)
    assert hidden == await theirs.get(f"/jobs/{uuid7()}", 404)
    assert (await theirs.send(f"/jobs/{job.id}/cancel", "/", version=1)).status_code == 404


async def test_filters_stand_in_the_address_and_narrow_the_list(dashboard: House, enter: SignIn) -> None:
    browser = await enter()
    dawn = await waiting(dashboard, browser.caller, prompt="Birds at dawn")
    failed = await ended(dashboard, browser.caller, Failed("BROKEN", "It broke."), prompt="Birds at dusk")

    async def found(query: str) -> list[str]:
        return ROW.findall(await browser.get(f"/jobs?{query}"))

    assert await found("search=birds") == [str(failed.id), str(dawn.id)]
    assert await found("search=dawn") == [str(dawn.id)]
    for name in (str(failed.id), str(failed.id)[-8:], "BROKEN"):
        assert await found(f"search={name}") == [str(failed.id)]
    assert await found("ended=hour") == await found("ended=day") == [str(failed.id)]
    assert await found("search=100%25") == []
    assert (
        await found("phase=failed")
        == await found("status=FAILED")
        == await found("error_code=BROKEN")
        == [str(failed.id)]
    )
    assert await found("kind=execution&phase=queued") == [str(dawn.id)]
    for query in (
        "phase=nonsense",
        "kind=nonsense",
        "owner=nonsense",
        "status=nonsense",
        "ended=nonsense",
        "after=nonsense",
    ):
        await browser.get(f"/jobs?{query}", 422)
    await browser.get("/jobs?search=%00%ff%27")


async def test_a_short_id_in_the_address_leads_to_its_job_or_to_all_of_them(
    dashboard: House, owner: Any, enter: SignIn
) -> None:
    browser, stranger = await enter(), await enter()
    job, another = await waiting(dashboard, browser.caller), await waiting(dashboard, browser.caller)
    short, twin = str(job.id)[-8:], f"{str(another.id)[:-8]}{str(job.id)[-8:]}"

    one = await browser.http.get(f"/jobs/{short.upper()}")
    await owner.execute(
        "INSERT INTO executions (id, user_id, prompt, job_name, deadline_at) VALUES ($1, $2, 'x', 'exec-x', now())",
        UUID(twin), browser.caller.user_id,
    )  # fmt: skip
    both = await browser.http.get(f"/jobs/{short}")

    assert (one.status_code, one.headers["location"]) == (303, f"/jobs/{job.id}")
    assert (both.status_code, both.headers["location"]) == (303, f"/jobs?search={short}")
    assert set(ROW.findall(await browser.get(both.headers["location"]))) == {str(job.id), twin}
    for nobody in ("0badf00d", f"{short}/cancel"):
        assert (await browser.http.get(f"/jobs/{nobody}")).status_code in {404, 405}
    await stranger.get(f"/jobs/{short}", 404)


async def test_pages_follow_one_another_without_gap_or_repetition(dashboard: House, enter: SignIn) -> None:
    browser = await enter()
    jobs = [str((await waiting(dashboard, browser.caller)).id) for _ in range(30)]
    batch = {"jobs": [{"prompt": str(n), "model": "offline/extract"} for n in range(30)]}  # all at one instant
    jobs += (await browser.caller.http.post("/v1/executions:batch", json=batch)).json()["ids"]

    seen: list[str] = []
    path: str | None = "/jobs?phase=queued"
    while path:
        page = await browser.get(path)
        seen += ROW.findall(page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = older and older[1].replace("&amp;", "&")

    assert seen == jobs[::-1]


async def test_one_job_shows_its_history_its_error_and_what_to_do(dashboard: House, enter: SignIn) -> None:
    browser = await enter()
    job = await ended(dashboard, browser.caller, Failed("UPSTREAM_BROKEN", "The model said no."))

    page = await browser.get(f"/jobs/{job.id}")

    assert re.findall(r"<strong>(\w+)</strong>(?: <span class=\"edge\">([\w ]+)<)?", page) == [
        ("PENDING", "created"), ("RUNNING", "claimed"), ("FAILED", ""),
    ]  # fmt: skip
    assert "UPSTREAM_BROKEN" in page
    assert "The model said no." in page
    assert "When the cause is gone, retry it" in page
    assert "worker w1" in page
    assert "Retry job" in page
    assert "Cancel job" not in page


async def test_a_waiting_job_says_why_and_a_running_one_how_far_it_is(dashboard: House, enter: SignIn) -> None:
    browser = await enter()
    idle = await waiting(dashboard, browser.caller)
    busy = await running(dashboard, browser.caller)
    await progressed(dashboard, busy, 42, "reading", **expected(30))

    assert "no worker for executions is alive" in await browser.get(f"/jobs/{idle.id}")
    page = await browser.get(f"/jobs/{busy.id}")
    assert 'value="42"' in page
    assert "42 %" in page
    assert "reading" in page
    assert re.search(r"about (29|30) s left<", page)
    assert "held by w1" in page


async def test_a_retry_that_keeps_its_time_says_so(dashboard: House, enter: SignIn) -> None:
    browser = await enter()
    later = datetime.now(UTC) + timedelta(hours=3)
    job = await waiting(dashboard, browser.caller, scheduled_at=later)
    await cancel(dashboard.database, KIND, job.id, actor="key:test")

    answer = await browser.send(f"/jobs/{job.id}/retry", f"/jobs/{job.id}", version=2)
    page = await browser.get(answer.headers["location"])

    assert "keeps the time that it was made for" in page
    assert f"at {later:%Y-%m-%d %H:%M:%S} UTC" in page


@pytest.mark.parametrize(
    ("expectation", "told"),
    [
        ((), ""),
        ((-1,), "taking longer than expected"),
        ((30, 10), "about (29|30) s left, slower than expected"),
    ],
)
async def test_the_time_left_is_told_when_there_is_one_and_never_rises_in_silence(
    dashboard: House, enter: SignIn, expectation: tuple[float, ...], told: str
) -> None:
    browser = await enter()
    job = await running(dashboard, browser.caller)
    await progressed(dashboard, job, 42, "reading", **(expected(*expectation) if expectation else {}))

    head = (await browser.get(f"/jobs/{job.id}")).partition('data-part="head"')[2].partition('data-part="record"')[0]

    assert re.search(rf"<span>{told or 'attempt 1 of 3'}</span>", head)
    assert told or not re.search(r"about|expected", head)


@pytest.mark.parametrize(("end", "told"), [("-infinity", "1-01-01 00:00:00"), ("infinity", "9999-12-31 23:59:59")])
async def test_a_job_with_an_endless_time_is_shown_and_so_are_the_others(
    dashboard: House, owner: Any, enter: SignIn, end: str, told: str
) -> None:
    browser = await enter()
    job, other = await waiting(dashboard, browser.caller), await waiting(dashboard, browser.caller)
    await owner.execute("UPDATE executions SET scheduled_at = $2::text::timestamptz WHERE id = $1", job.id, end)

    assert told in await browser.get(f"/jobs/{job.id}")
    for path in ("/", "/jobs"):
        assert set(ROW.findall(await browser.get(path))) == {str(job.id), str(other.id)}, path


async def test_a_cancel_with_a_reason_stands_in_the_history(dashboard: House, owner: Any, enter: SignIn) -> None:
    browser = await enter()
    job = await waiting(dashboard, browser.caller)

    answer = await browser.send(
        f"/jobs/{job.id}/cancel", f"/jobs/{job.id}", version=1, reason=" Not  needed\nany more "
    )

    assert answer.headers["location"] == f"/jobs/{job.id}?done=cancel"
    page = await browser.get(answer.headers["location"])
    assert "It was cancelled." in page
    assert "“Not needed any more”" in page
    row = await owner.fetchrow("SELECT status, status_reason, status_actor FROM executions WHERE id = $1", job.id)
    assert tuple(row) == ("CANCELLED", "cancelled Not needed any more", f"user:{browser.caller.user_id}")


async def test_a_failed_job_is_retried_with_another_limit(dashboard: House, owner: Any, enter: SignIn) -> None:
    browser = await enter()
    job = await ended(dashboard, browser.caller, Failed("BROKEN", "It broke."))

    answer = await browser.send(
        f"/jobs/{job.id}/retry", f"/jobs/{job.id}", version=3, timeout_seconds=900, reason="Mended"
    )

    assert answer.headers["location"] == f"/jobs/{job.id}?done=retry"
    row = await owner.fetchrow(
        "SELECT status, version, timeout_seconds, status_reason FROM executions WHERE id = $1", job.id
    )
    assert tuple(row) == ("PENDING", 4, 900, "retry Mended")
    for wrong in ("0", "-1", "86401", "1e3", "٣"):
        assert (await browser.send(f"/jobs/{job.id}/retry", "/", timeout_seconds=wrong)).status_code == 422
    assert (await browser.send(f"/jobs/{job.id}/retry", "/", reason="x" * 201)).status_code == 422


async def test_who_acts_on_an_old_page_is_told_that_the_job_moved_on(dashboard: House, enter: SignIn) -> None:
    browser = await enter()
    job = await running(dashboard, browser.caller)

    stale = await browser.send(f"/jobs/{job.id}/cancel", "/", version=1)
    impossible = await browser.send(f"/jobs/{job.id}/retry", "/", version=2)

    assert (stale.status_code, impossible.status_code) == (409, 409)
    assert "Somebody was first" in stale.text
    asked = await browser.send(f"/jobs/{job.id}/cancel", "/", version=2)
    assert asked.headers["location"].endswith("?done=asked")
    assert "Asked to stop" in await browser.get(f"/jobs/{job.id}")


async def test_files_are_taken_away_and_pictures_looked_at_but_never_run(dashboard: House, enter: SignIn) -> None:
    browser, other = await enter(), await enter()
    job = await waiting(dashboard, browser.caller)
    png = await stored(browser.caller, job.id, "a picture.png", "image/png", b"\x89PNG\r\n\x1a\n of a kind")
    svg = await stored(browser.caller, job.id, "<b>.svg", "image/svg+xml", b"<svg onload='alert(1)'/>")

    page = await browser.get(f"/jobs/{job.id}")
    assert f'<img src="/artifacts/{png}/picture"' in page
    assert f"/artifacts/{svg}/picture" not in page
    assert "&lt;b&gt;.svg" in page

    shown = await browser.http.get(f"/artifacts/{png}/picture")
    assert (shown.content[:4], shown.headers["content-type"]) == (b"\x89PNG", "image/png")
    taken = await browser.http.get(f"/artifacts/{svg}")
    assert taken.headers["content-type"] == "application/octet-stream"
    assert taken.headers["content-disposition"] == "attachment; filename*=UTF-8''%3Cb%3E.svg"
    for answer in (shown, taken):
        assert {"default-src 'none'", "sandbox"} <= set(answer.headers["content-security-policy"].split("; "))
    await browser.get(f"/artifacts/{svg}/picture", 404)
    for path in (f"/artifacts/{png}", f"/artifacts/{png}/picture", f"/artifacts/{uuid7()}", "/artifacts/nonsense"):
        await other.get(path, 404)


async def test_what_is_not_here_is_told_by_whoever_was_asked(dashboard: House, enter: SignIn) -> None:
    browser = await enter()

    assert "There is nothing here" in await browser.get("/jobs/not-an-id", 404)
    for path in ("/nowhere", "/v1/nowhere"):
        assert (await browser.http.get(path)).headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [(Unavailable(server="PostgreSQL"), 503, "The database does not answer"), (OSError("sk_secret"), 500, "That went")],
)
async def test_a_database_that_is_away_and_an_error_of_our_own_are_pages_that_give_nothing_away(
    house: House, error: Exception, status: int, title: str
) -> None:
    async def databases(_: str) -> Any:
        raise error

    house.app.router.routes.extend(routes(replace(desk_of(house.deps), databases=databases)))
    client = house.client()
    client.cookies.set(COOKIE, f"default.{'0' * 32}.{'x' * 43}")

    answer = await client.get("/")

    assert answer.status_code == status
    assert title in answer.text
    assert "sk_secret" not in answer.text


async def test_files_of_the_page_are_pinned_and_kept_for_ever(dashboard: House) -> None:
    folder = files("milepost.dashboard").joinpath("static")
    client = dashboard.client()
    page = (await client.get("/sign-in")).text

    for name, digest in VENDORED.items():
        assert hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest() == digest
        assert "Zero-Clause BSD" in folder.joinpath(f"{name.partition('-')[0]}-LICENSE.txt").read_text()
    linked = set(re.findall(r'"(/static/[^"]+)"', page))
    assert len(linked) == 6
    for url in linked:
        answer = await client.get(url)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    assert (await client.get("/static/old/live.js")).headers["cache-control"] == "no-cache"
    assert (await client.get("/static/x/..%2fapp.py")).status_code == 404
    assert (await client.get("/favicon.ico")).status_code == 200


async def test_the_last_attempts_error_of_a_job_that_waits_again_is_told_as_such(
    dashboard: House, enter: SignIn
) -> None:
    browser = await enter()
    job = await ended(dashboard, browser.caller, Failed("BUSY", "Come back later.", retry=True))

    page = await browser.get(f"/jobs/{job.id}")

    assert "From an earlier attempt." in page
    assert "the next is due" in page
    await cancel(dashboard.database, KIND, job.id, actor="cli:test")
    assert "Retry job" in await browser.get(f"/jobs/{job.id}")
