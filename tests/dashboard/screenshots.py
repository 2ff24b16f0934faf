"""`make screenshots`: a stack with a few jobs in every state, photographed page by page for docs/pictures."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from playwright.async_api import Browser, Page

from milepost.cli.demo_prompts import TEXTS
from milepost.client import Client
from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.domain import decide
from milepost.domain.outcome import Failed
from milepost.engine.transit import transit
from milepost.kinds.executions import KIND
from tests.cli.running import Up, new_folder
from tests.dashboard.chromium import MISSING, chromium, program
from tests.docs.pages import ROOT
from tests.factories import TABLE, new_execution

PICTURES = ROOT / "docs" / "pictures"
STICKER = ("title", "character_name", "attribute", "rarity", "background_color", "prompt")
STICKERS = (
    ("Sun Herald", "Solan", "angel", "head", "#f5b301", "A herald who brings the first light over the hills."),
    ("Ember Imp", "Kazan", "devil", "super_rare", "#7a1220", "An imp of the forge with sparks in its hair."),
    ("Tide Warden", "Mizuha", "guardian", "rare", "#1769aa", "A warden who counts every wave that comes in."),
)
FAILURES = (
    ("UPSTREAM_OVERLOADED", "The provider answered 529 three times: it is overloaded.", TEXTS[1]),
    ("CONTENT_REFUSED", "The provider refuses this request.", TEXTS[2]),
)
WIDE, NARROW = {"width": 1180, "height": 820}, {"width": 390, "height": 844}


@dataclass(frozen=True)
class Scene:
    """Jobs worth a picture."""

    running: UUID
    sticker: UUID


async def set_scene(note: dict[str, Any]) -> Scene:
    database = await open_database("default", note["database_url"], DatabaseOptions())
    try:
        async with Client(note["api_url"], note["api_key"]) as client:
            later = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
            jobs = [await client.submit("executions", prompt=text) for text in TEXTS[3:7]]
            for text in TEXTS[1:3]:
                await client.submit("executions", prompt=text, scheduled_at=later)
            me = UUID(str(jobs[0].user_id))
            for failure in FAILURES:
                await _failed(database, me, *failure)
            stopped = await client.submit("executions", prompt=TEXTS[0], scheduled_at=later)
            await client.cancel(stopped.id, reason="Asked twice by mistake")
            stickers = [await client.submit("images", **_sticker(sticker)) for sticker in STICKERS]
            for job in (*jobs, *stickers):
                await client.wait(job.id, timeout=60)
            return Scene(await _running(database, me), UUID(str(stickers[0].id)))
    finally:
        await database.close()


def _sticker(values: tuple[str, ...]) -> dict[str, Any]:
    return dict(zip(STICKER, values, strict=True))


async def _running(database: TenantDatabase, me: UUID) -> UUID:
    job = (await database.ledger.submit(TABLE, _new(me, TEXTS[0]))).job
    running = (await database.ledger.claim(TABLE, [(job.id, job.version)], "vm-4711-a1b2", 900)).jobs[0]
    for progress, stage in ((12, "asking"), (64, "answering")):
        await asyncio.sleep(2)
        await database.ledger.note(
            TABLE, job.id, running.version, "vm-4711-a1b2", {"progress": progress, "stage": stage}
        )
    return job.id


async def _failed(database: TenantDatabase, me: UUID, code: str, message: str, prompt: str) -> None:
    job = (await database.ledger.submit(TABLE, _new(me, prompt))).job
    claimed = (await database.ledger.claim(TABLE, [(job.id, job.version)], "vm-4711-a1b2", 20)).jobs[0]
    end = decide.after_attempt(
        KIND.machine, KIND.policy, claimed, Failed(code, message), actor="worker:vm-4711-a1b2",
        now=claimed.scheduled_at, chance=0.5,
    )  # fmt: skip
    await transit(database, KIND, claimed, end)


def _new(me: UUID, prompt: str) -> Any:
    columns = {"prompt": prompt, "model": "offline/extract", "max_tokens": 400, "job_name": "exec-scene"}
    return new_execution(user_id=me, columns=columns)


@asynccontextmanager
async def signed_in(browser: Browser, note: dict[str, Any], **options: Any) -> AsyncIterator[Page]:
    context = await browser.new_context(base_url=note["api_url"], **options)
    page = await context.new_page()
    await page.goto("/")
    await page.get_by_label("API key").fill(note["api_key"])
    await page.get_by_role("button", name="Sign in").click()
    yield page
    await context.close()


async def photograph(page: Page, path: str, name: str) -> None:
    await page.goto(path)
    await page.locator("[data-state=live]").wait_for()
    await page.wait_for_load_state("load")
    await page.screenshot(path=PICTURES / f"dashboard-{name}.png", full_page=True)


async def take(note: dict[str, Any]) -> None:
    scene = await set_scene(note)
    running = f"/jobs/{scene.running}"
    async with chromium() as browser:
        async with signed_in(browser, note, viewport=WIDE, color_scheme="light") as page:
            await photograph(page, "/", "overview")
            await photograph(page, "/jobs", "jobs")
            await photograph(page, running, "running")
            await photograph(page, f"/jobs/{scene.sticker}", "sticker")
        async with signed_in(browser, note, viewport=WIDE, color_scheme="dark") as page:
            await photograph(page, "/", "overview-dark")
        async with signed_in(browser, note, viewport=NARROW, color_scheme="light") as page:
            await photograph(page, running, "running-narrow")


def main() -> None:
    if program() is None:
        sys.exit(MISSING)
    PICTURES.mkdir(parents=True, exist_ok=True)
    with new_folder() as folder, Up(folder) as up:
        asyncio.run(take(up.note))
    for picture in sorted(Path(PICTURES).glob("dashboard-*.png")):
        print(picture.relative_to(ROOT))


if __name__ == "__main__":
    main()
