"""Every page, read whole: sentences end once and are set apart, numbers have one form, nothing is left blank."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any
from uuid import UUID

from playwright.async_api import Page, expect

from milepost.domain.outcome import Failed
from milepost.queue.presence import Presence, show
from tests.api_fixtures import House
from tests.dashboard.chromium import IN_A_BROWSER
from tests.dashboard.conftest import Browser, SignIn, ended, running, waiting
from tests.dashboard.scene import Scene, set_scene
from tests.dashboard.visiting import sign_in, visit

pytestmark = IN_A_BROWSER

FAULTS = {
    "no blank after a sentence": r"[a-z0-9)]\.[A-Z]",
    "two full stops": r"(?<!\.)\.\.(?!\.)",
    "two blanks": r"\S[ \xa0]{2,}\S",
    "a blank before a stop": r"\w [.,;:!?](\s|$)",
    "no blank after a comma": r"[a-z],[A-Za-z]",
    "one of many": r"\b1 (jobs|days|workers|files)\b|\b1\.0 s\b",
    "many of one": r"\b([02-9]|\d\d+) (job|day|worker|file) ",
    "a word of the program": r"\b(None|True|False|undefined|null|NaN|Invalid Date)\b",
    "a number that is not grouped": r"(?<![\w.:/#-])\d{4,}(?![\w.:/-])",
    "an empty pair": r"\(\s*\)|“\s*”",
}
# what people read without pointing at anything, and what they are told when they point, or listen
READ = """() => [document.title, document.body.innerText, ...[...document.querySelectorAll('[title], [aria-label], [placeholder]')]
  .flatMap((found) => ['title', 'aria-label', 'placeholder'].map((name) => found.getAttribute(name) || ''))].join('\\n')"""
BLANK = """() => [...document.querySelectorAll('td:not(.share), tbody th, dd')].filter((cell) => !cell.textContent.trim())
  .map((cell) => cell.closest('table, dl').className + ': ' + cell.outerHTML)"""
# digests, a picture's side, and short ids behind their mark, of which one in forty has no letter
TEXTS = re.compile(r"caed[0-9a-f]{60}|[0-9a-f]{64}(\.png)?|\b1134\b|…[0-9a-f]{8}\b")


async def read_all(page: Page, scene: Scene) -> dict[str, str]:
    texts: dict[str, str] = {}
    for place in scene.places():
        await visit(page, place)
        for more in await page.locator("details").all():
            await more.evaluate("found => { found.open = true; }")
        texts[place.name] = await page.evaluate(READ)
        assert await page.evaluate(BLANK) == [], place.name
    return texts


async def test_no_page_has_a_fault_of_writing_or_a_blank_cell(dashboard: House, page: Page) -> None:
    scene = await set_scene(dashboard, await dashboard.operator())
    await sign_in(page, scene.caller.key)

    texts = await read_all(page, scene)

    found = [
        (name, fault, text[max(0, match.start() - 30) : match.end() + 30])
        for name, text in texts.items()
        for fault, pattern in FAULTS.items()
        for match in re.finditer(pattern, TEXTS.sub("", text))
    ]
    assert found == []


def test_the_faults_are_known_when_they_are_seen() -> None:
    seen = [
        "4 jobs fit.Show all", "All jobs of this tenant.The oldest", "at 12:00 UTC..", "a  b", "so .", "a,b", "1 jobs", "3 job ",
        "None", "5056 due jobs", "()",
    ]  # fmt: skip
    assert [text for text in seen if not any(re.search(pattern, text) for pattern in FAULTS.values())] == []


async def test_a_count_is_written_the_same_wherever_it_stands(dashboard: House, owner: Any, enter: SignIn) -> None:
    browser = await enter()
    await asyncio.gather(*(waiting(dashboard, browser.caller) for _ in range(1234)))
    last = await waiting(dashboard, browser.caller)

    assert ">1,235</b> waiting" in await browser.get("/")
    assert "1,235 jobs." in await browser.get("/jobs")
    assert "1,235 jobs fit. <a" in await browser.get("/jobs?phase=queued")
    await show(dashboard.redis, Presence("w1", ("execution",), 0, 8, time.time(), time.time()), life=60)
    await owner.execute("UPDATE executions SET scheduled_at = now() WHERE id = $1", last.id)
    assert "1,234 due jobs go before it" in await browser.get(f"/jobs/{last.id}")


async def test_a_worker_runs_as_many_jobs_as_its_rows_say(dashboard: House, enter: SignIn) -> None:
    browser = await enter()
    note = Presence("w1", ("execution",), 0, 8, time.time() - 60, time.time())  # as of its last heartbeat
    await show(dashboard.redis, note, life=60)
    for _ in range(8):
        await running(dashboard, browser.caller)

    page = await browser.get("/")

    assert "<b>8</b> running" in page
    assert '8<span class="of">/8</span>' in page


async def test_lists_tell_phases_in_one_word_and_a_job_its_own_status(dashboard: House, enter: SignIn) -> None:
    browser = await enter()
    scene = await set_scene(dashboard, browser.caller)

    listed = await browser.get("/jobs")
    words = re.findall(r'<span class="badge is-(\w+)"><svg.*?</svg><span>(\w+)</span>', listed, re.DOTALL)
    assert {word for phase, word in words if phase == "succeeded"} == {"Succeeded"}
    assert not re.search(r"\b(COMPLETED|completed|PENDING|pending|processing)\b", listed)
    assert 'own status">COMPLETED<' in await head_of(browser, scene.jobs["succeeded"])
    assert ">FAILED<" not in await head_of(browser, scene.jobs["failed"])


async def head_of(browser: Browser, job_id: UUID) -> str:
    return (await browser.get(f"/jobs/{job_id}")).partition('data-part="head"')[2].partition("<h2")[0]


async def test_a_list_names_jobs_by_their_words_whatever_became_of_them(dashboard: House, enter: SignIn) -> None:
    browser = await enter()
    await set_scene(dashboard, browser.caller)

    listed = await browser.get("/jobs")
    titles = re.findall(r'<td class="what"><a [^>]*>(?:<bdi>)?([^<]*)', listed)

    assert titles.count("雷鳴の王子") == 3
    assert "The provider was overloaded." in titles
    assert not [title for title in titles if title.isupper() or not title.strip()]


async def test_what_a_record_says_by_default_is_folded(dashboard: House, enter: SignIn) -> None:
    browser = await enter()
    job = await ended(dashboard, browser.caller, Failed("BROKEN", "It broke."))

    record = (await browser.get(f"/jobs/{job.id}")).partition('data-part="record"')[2]
    told, _, folded = record.partition("<details")

    for name in ("Pod name", "Usage estimated", "Is permanent", "Priority", "Metadata", "Updated at", "Job name"):
        assert f"<dt>{name}</dt>" not in told
        assert f"<dt>{name}</dt>" in folded
    for name in ("Version", "Created at", "Finished at", "Model"):
        assert f"<dt>{name}</dt>" in told


async def test_how_long_a_running_job_has_run_is_told_and_goes_on(dashboard: House, page: Page) -> None:
    caller = await dashboard.caller()
    job = await running(dashboard, caller)
    await sign_in(page, caller.key)

    await page.goto("/jobs")
    took = page.locator(f"#row-{job.id} .took")
    await expect(took).to_have_text(re.compile(r"^\d+ s$"))
    first = await took.inner_text()
    await expect(took).not_to_have_text(first, timeout=10_000)
