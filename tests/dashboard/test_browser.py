"""A real browser clicks through the dashboard and sees a job move. Skipped, and says so, where there is none."""

from __future__ import annotations

from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, expect

from milepost.domain.outcome import Failed
from tests.api_fixtures import House
from tests.dashboard.chromium import IN_A_BROWSER
from tests.dashboard.conftest import ended, progressed, running, waiting
from tests.dashboard.visiting import sign_in
from tests.servers.proxy import proxy

pytestmark = IN_A_BROWSER


async def test_from_the_door_to_a_job_that_moves_and_is_stopped(dashboard: House, page: Page) -> None:
    caller = await dashboard.caller()
    await sign_in(page, caller.key)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nothing runs and nothing waits.")

    job = await running(dashboard, caller, prompt="Watch me move")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("1 running")
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name="Jobs").click()
    await page.get_by_role("link", name="Watch me move").click()
    await expect(page.locator("[data-state=live]")).to_be_visible()

    for progress, stage in ((35, "reading"), (80, "writing")):
        await progressed(dashboard, job, progress, stage)
        await expect(page.locator("[data-part=head] progress")).to_have_attribute("value", str(progress))
        await expect(page.locator("[data-part=head]")).to_contain_text(stage)

    await page.get_by_role("button", name="Cancel job").click()
    await expect(page.get_by_text("It was asked to stop.")).to_be_visible()
    await expect(page.locator("[data-part=actions]")).to_contain_text("Asked to stop")


async def test_a_failed_job_is_found_read_and_retried(dashboard: House, page: Page) -> None:
    caller = await dashboard.caller()
    await waiting(dashboard, caller, prompt="Another one")
    await ended(dashboard, caller, Failed("UPSTREAM_BROKEN", "The model said no."), prompt="Find me")
    await sign_in(page, caller.key)

    await page.goto("/jobs")
    await page.get_by_label("Phase").select_option("failed")
    await expect(page.get_by_role("link", name="Another one")).to_have_count(0)
    assert page.url.endswith("/jobs?phase=failed")
    await page.get_by_label("Search").press_sequentially("find")
    await expect(page).to_have_url("/jobs?search=find&phase=failed")
    await page.get_by_role("link", name="Find me").click()

    await expect(page.get_by_role("alert")).to_contain_text("The model said no.")
    await page.get_by_label("Reason").fill("Mended")
    await page.get_by_role("button", name="Retry job").click()
    await expect(page.get_by_text("It waits for its next attempt.")).to_be_visible()
    await expect(page.locator("[data-part=timeline]")).to_contain_text("“Mended”")
    await expect(page.get_by_role("button", name="Cancel job")).to_be_visible()


async def test_what_is_lost_on_the_way_is_there_when_the_browser_has_come_back(
    dashboard: House, page: Page, url: str
) -> None:
    caller = await dashboard.caller()
    job = await running(dashboard, caller)
    async with proxy("127.0.0.1", int(url.rpartition(":")[2])) as between:
        await page.goto(f"http://127.0.0.1:{between.port}/jobs/{job.id}")
        await page.get_by_label("API key").fill(caller.key)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("[data-state=live]")).to_be_visible()

        between.lose_answers(1)
        await progressed(dashboard, job, 77, "far away")

        await expect(page.locator("[data-part=head]")).to_contain_text("far away", timeout=15_000)
        await expect(page.locator("[data-state=live]")).to_be_visible()
        assert between.lost == 1
        await page.goto("about:blank")


async def test_words_of_others_do_nothing_and_everything_works_without_scripts(
    dashboard: House, browser: Chromium, url: str
) -> None:
    caller = await dashboard.caller()
    await waiting(dashboard, caller, prompt="<img src=x onerror=\"document.title='owned'\"> <b>bold</b>")
    context = await browser.new_context(base_url=url, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/jobs")
    await page.get_by_label("API key").fill(caller.key)
    await page.get_by_role("button", name="Sign in").click()

    await page.get_by_label("Phase").select_option("queued")
    await page.get_by_role("button", name="Show").click()
    await page.get_by_role("link", name="<b>bold</b>").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("<b>bold</b>")
    await page.get_by_role("button", name="Cancel job").click()
    await expect(page.get_by_text("It was cancelled.")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    await context.close()


async def test_a_page_that_is_signed_out_elsewhere_says_that_it_is_no_longer_live(dashboard: House, page: Page) -> None:
    caller = await dashboard.caller()
    await sign_in(page, caller.key)

    await dashboard.revoke(caller)

    await expect(page.locator("[data-state=ended]")).to_have_text("No longer live", timeout=10_000)
