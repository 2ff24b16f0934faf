"""Whatever others write, no page obeys it: it is shown, escaped and isolated, in texts, titles, tooltips and live updates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from playwright.async_api import Page, expect

from milepost.dashboard.foreign import foreign
from milepost.domain.outcome import Failed
from milepost.kinds.executions import KIND
from tests.api_fixtures import House
from tests.dashboard.chromium import IN_A_BROWSER
from tests.dashboard.conftest import SignIn, finished, progressed
from tests.dashboard.scribe import FIELDS, Scribe, hidden_in, mark, paths, shown
from tests.dashboard.visiting import sign_in

pytestmark = IN_A_BROWSER


@pytest_asyncio.fixture
async def scribe(dashboard: House, owner: Any) -> AsyncIterator[Scribe]:
    made = Scribe(dashboard, await dashboard.operator())
    await owner.execute("UPDATE users SET name = $1", mark("user"))
    await made.write()
    await owner.execute("UPDATE artifacts SET file_name = $1, mime_type = $2", mark("file"), mark("mime"))
    yield made


async def test_no_page_holds_a_raw_character_that_is_obeyed_or_unseen(scribe: Scribe, enter: SignIn) -> None:
    browser = await enter(scribe.caller)
    everything = ""
    for path in paths(scribe):
        answer = await browser.http.get(path)
        assert hidden_in(answer.text) == [], path
        everything += answer.text

    assert [field for field in FIELDS if shown(field) not in everything] == []


async def test_a_download_is_named_by_what_people_saw(scribe: Scribe, enter: SignIn, owner: Any) -> None:
    browser = await enter(scribe.caller)
    await owner.execute("UPDATE artifacts SET file_name = $1", "invoice\u202egpj.exe")
    artifact = await owner.fetchval("SELECT id FROM artifacts")

    answer = await browser.http.get(f"/artifacts/{artifact}")

    assert "%E2%80%AE" not in answer.headers.get("content-disposition", "")


# every text node and attribute of what is loaded, and whether what may turn round is held in an element of its own
WALK = """() => {
  const texts = [document.title], loose = [];
  const walker = document.createTreeWalker(document, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.nodeType === Node.TEXT_NODE) {
      texts.push(node.data);
      if (node.data.includes('שלום') && !node.parentElement.closest('bdi, title, option')) loose.push(node.parentElement.outerHTML);
    } else for (const attribute of node.attributes) texts.push(attribute.value);
  }
  return [texts.join('\\n'), loose];
}"""


async def test_what_a_browser_makes_of_every_page_is_isolated(scribe: Scribe, page: Page) -> None:
    await sign_in(page, scribe.caller.key)
    for path in paths(scribe):
        await page.goto(path)
        text, loose = await page.evaluate(WALK)
        assert hidden_in(text) == [], path
        assert loose == [], path


async def test_live_updates_bring_no_raw_character_either(scribe: Scribe, page: Page) -> None:
    job = await scribe.running()
    await sign_in(page, scribe.caller.key)
    await page.goto(f"/jobs/{job.id}")
    await expect(page.locator("[data-state=live]")).to_be_visible()

    await progressed(scribe.house, job, 60, mark("later"), worker=mark("holder"))
    await expect(page.locator("[data-part=head]")).to_contain_text(shown("later"))
    text, loose = await page.evaluate(WALK)
    assert (hidden_in(text), loose) == ([], [])

    await finished(scribe.house, KIND, job, Failed(mark("lastcode"), mark("lastmessage")))
    await expect(page.locator("[data-part=head]")).to_contain_text(shown("lastmessage"))
    text, loose = await page.evaluate(WALK)
    assert (hidden_in(text), loose) == ([], [])


def test_what_is_ascii_stands_without_an_element_and_what_is_not_in_one() -> None:
    assert foreign("<b>") == "&lt;b&gt;"
    assert foreign("é<b>\r\n") == "<bdi>é&lt;b&gt;\n</bdi>"
    assert foreign("a\x1b\rb") == r"a\x1b\rb"
