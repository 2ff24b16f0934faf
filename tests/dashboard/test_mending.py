"""While a page changes by itself, nothing is taken out of the hands of who uses it."""

from __future__ import annotations

from uuid import UUID

from playwright.async_api import Locator, Page, expect

from milepost.domain.outcome import Cancelled, Failed
from milepost.engine.cancel import cancel
from milepost.kinds.executions import KIND
from tests.api_fixtures import Caller, House
from tests.dashboard.chromium import IN_A_BROWSER
from tests.dashboard.conftest import ended_as, finished, progressed, running, waiting
from tests.dashboard.scene import set_scene
from tests.dashboard.visiting import sign_in, visit

pytestmark = IN_A_BROWSER

ACTIVE = "document.activeElement.outerHTML"
UNDER = "([x, y]) => document.elementFromPoint(x, y).closest('a, button')?.textContent.trim()"


async def come(house: House, page: Page, path: str, caller: Caller) -> None:
    await sign_in(page, caller.key)
    await page.goto(path)
    await expect(page.locator("[data-state=live]")).to_be_visible()


async def point_at(page: Page, found: Locator) -> tuple[float, float]:
    """As a hand does it: on the way there the pointer moves."""
    box = await found.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x - 40, y - 20)
    await page.mouse.move(x, y, steps=4)
    return x, y


async def test_the_focused_link_of_a_list_stays_focused_while_jobs_arrive_and_end(dashboard: House, page: Page) -> None:
    caller = await dashboard.caller()
    job = await waiting(dashboard, caller, prompt="Focus me")
    await come(dashboard, page, "/jobs", caller)
    link = page.get_by_role("link", name="Focus me")
    await link.focus()
    before = await page.evaluate(ACTIVE)

    for name in ("One more", "And one more"):
        await waiting(dashboard, caller, prompt=name)
        await expect(page.get_by_role("link", name=name)).to_be_visible()
    await ended_as(dashboard, KIND, job.id, Failed("BROKEN", "It broke."))
    await expect(page.locator(f"#row-{job.id}")).to_contain_text("BROKEN")

    assert await page.evaluate(ACTIVE) == before
    await expect(link).to_be_focused()


async def test_a_focused_row_that_newer_jobs_push_off_the_list_stays_until_the_focus_goes(
    dashboard: House, page: Page
) -> None:
    caller = await dashboard.caller()
    for number in range(25):
        await waiting(dashboard, caller, prompt=f"Job {number:02}")
    await come(dashboard, page, "/jobs", caller)
    link = page.get_by_role("link", name="Job 00")
    await link.focus()

    await waiting(dashboard, caller, prompt="The newest")
    await expect(page.get_by_role("link", name="The newest")).to_be_visible()

    await expect(link).to_be_focused()
    await page.get_by_label("Search").focus()
    await waiting(dashboard, caller, prompt="Newer still")
    await expect(link).to_have_count(0)


async def test_a_focused_figure_of_the_overview_goes_on_and_stays_when_there_is_nothing_to_count(
    dashboard: House, page: Page
) -> None:
    caller = await dashboard.caller()
    job = await waiting(dashboard, caller)
    await come(dashboard, page, "/", caller)
    figure = page.get_by_role("link", name="waiting")
    await figure.focus()

    other = await waiting(dashboard, caller)
    await expect(figure).to_have_text("2 waiting")
    await expect(figure).to_be_focused()
    for each in (job, other):
        await cancel(dashboard.database, KIND, each.id, actor="cli:test")

    await expect(page.locator("#kind-execution [data-label=Cancelled]")).to_have_text("2")
    await expect(figure).to_be_focused()
    await page.get_by_role("link", name="To the content").focus()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nothing runs and nothing waits.")


async def test_whatever_may_have_the_focus_in_a_part_can_be_found_again_in_the_next(
    dashboard: House, page: Page
) -> None:
    scene = await set_scene(dashboard, await dashboard.operator())
    await sign_in(page, scene.caller.key)

    for place in scene.places():
        await visit(page, place)
        nameless = """() => [...document.querySelectorAll('[data-part] :is(a, summary, [tabindex])')]
            .filter((found) => !found.closest('[data-part]').contains(found.closest('[id]'))).map((found) => found.outerHTML)"""
        assert await page.evaluate(nameless) == [], place.name


async def test_a_half_typed_reason_survives_the_claim_of_its_job(dashboard: House, page: Page) -> None:
    caller = await dashboard.caller()
    job = await waiting(dashboard, caller)
    await come(dashboard, page, f"/jobs/{job.id}", caller)
    reason = page.get_by_label("Reason")
    await reason.press_sequentially("Not need")

    await dashboard.database.ledger.claim(KIND.table, [(job.id, 1)], "w1", 20)
    await expect(page.locator("[data-part=head]")).to_contain_text("Running")
    await reason.press_sequentially("ed any")

    await expect(reason).to_be_focused()
    await expect(reason).to_have_value("Not needed any")
    await page.get_by_label("Pages").get_by_role("link", name="Jobs").focus()
    await expect(page.get_by_text("The job has moved on.")).to_be_visible()
    await expect(reason).to_have_value("Not needed any")

    await page.get_by_role("button", name="Show what can be done now").click()
    await expect(page.get_by_text("Its worker will be asked to stop")).to_be_visible()
    await expect(reason).to_have_count(0)


async def test_cancel_under_the_pointer_does_not_become_retry(dashboard: House, page: Page) -> None:
    caller = await dashboard.caller()
    job = await running(dashboard, caller)
    await come(dashboard, page, f"/jobs/{job.id}", caller)
    place = await point_at(page, page.get_by_role("button", name="Cancel job"))

    await finished(dashboard, KIND, job, Failed("BROKEN", "It broke."))
    await expect(page.locator("[data-part=head]")).to_contain_text("BROKEN")

    await expect(page.get_by_text("The job has moved on.")).to_be_visible()
    assert await page.get_by_role("button", name="Retry job").count() == 0
    await page.mouse.move(5, 5)
    await expect(page.get_by_role("button", name="Retry job")).to_be_enabled()
    await expect(page.get_by_text("The job has moved on.")).to_have_count(0)
    assert await page.evaluate(UNDER, place) != "Retry job"


async def test_cancel_that_has_the_focus_does_not_become_retry_and_is_refused(dashboard: House, page: Page) -> None:
    caller = await dashboard.caller()
    job = await waiting(dashboard, caller)
    await come(dashboard, page, f"/jobs/{job.id}", caller)
    await page.get_by_label("Reason").fill("Too late")
    await page.get_by_role("button", name="Cancel job").focus()

    await ended_as(dashboard, KIND, job.id, Failed("BROKEN", "It broke."))
    await expect(page.locator("[data-part=head]")).to_contain_text("BROKEN")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", level=1)).to_have_text("The job has moved on")
    await expect(page.get_by_text("You wrote: Too late")).to_be_visible()
    await page.get_by_role("link", name="The job as it is now").click()
    await expect(page.get_by_role("button", name="Retry job")).to_be_visible()


async def test_a_new_action_cannot_be_pressed_by_a_finger_that_was_on_its_way(dashboard: House, page: Page) -> None:
    caller = await dashboard.caller()
    job = await running(dashboard, caller)
    await come(dashboard, page, f"/jobs/{job.id}", caller)
    await page.evaluate("""
      new MutationObserver(() => {
        const retry = document.querySelector('button.main');
        if (retry && window.wasDisabled === undefined) window.wasDisabled = retry.disabled;
      }).observe(document.querySelector('[data-part=actions]'), {childList: true, subtree: true, attributes: true})""")

    await finished(dashboard, KIND, job, Failed("BROKEN", "It broke."))

    await expect(page.get_by_role("button", name="Retry job")).to_be_enabled()
    assert await page.evaluate("window.wasDisabled") is True


async def test_a_link_that_somebody_is_about_to_follow_stays_where_it_is(dashboard: House, page: Page) -> None:
    caller = await dashboard.caller()
    await waiting(dashboard, caller, prompt="Aim at me")
    await come(dashboard, page, "/jobs", caller)
    heard = page.locator("[data-part=rows]")
    x, y = await point_at(page, page.get_by_role("link", name="Aim at me"))

    await waiting(dashboard, caller, prompt="Do not jump in")
    for step in range(25):  # a hand that hovers is never quite still
        await page.mouse.move(x + step % 2, y)
        assert await page.evaluate(UNDER, [x, y]) == "Aim at me"
        await page.wait_for_timeout(100)

    await expect(heard).to_contain_text("Do not jump in")


async def test_selected_text_scrolled_boxes_and_opened_details_stay(dashboard: House, page: Page) -> None:
    caller = await dashboard.caller()
    job = await running(dashboard, caller, prompt="A line to select.\n" * 100)
    await come(dashboard, page, f"/jobs/{job.id}", caller)
    box = page.locator("pre.text")
    await box.evaluate("box => { box.scrollTop = 300; getSelection().selectAllChildren(box); }")
    await page.get_by_text("more, empty or as always").click()
    await box.evaluate("box => getSelection().selectAllChildren(box)")

    await progressed(dashboard, job, 40, "reading", input_tokens=77)
    await expect(page.locator("[data-part=head]")).to_contain_text("40 %")
    await expect(page.locator("[data-part=record]")).to_contain_text("77")

    assert await box.evaluate("box => box.scrollTop") == 300
    assert "A line to select." in await page.evaluate("getSelection().toString()")
    await expect(page.get_by_text("Pod name")).to_be_visible()


async def test_what_was_done_is_said_only_while_it_is_true(dashboard: House, page: Page) -> None:
    caller = await dashboard.caller()
    job = await running(dashboard, caller)
    await come(dashboard, page, f"/jobs/{job.id}", caller)
    await page.get_by_role("button", name="Cancel job").click()
    await expect(page.get_by_text("It was asked to stop.")).to_be_visible()

    await _stop(dashboard, job.id)

    await expect(page.locator("[data-part=head]")).to_contain_text("Cancelled")
    await expect(page.get_by_text("It was asked to stop.")).to_have_count(0)
    await page.reload()
    await expect(page.locator("[data-part=head]")).to_contain_text("Cancelled")
    await expect(page.get_by_text("It was asked to stop.")).to_have_count(0)


async def _stop(house: House, job_id: UUID) -> None:
    """As its worker does it."""
    row = await cancel(house.database, KIND, job_id, actor="cli:test")
    await finished(house, KIND, row, Cancelled())
