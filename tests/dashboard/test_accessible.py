"""axe-core on every page, light and dark, on a telephone, a tablet and a desk: no serious finding, nothing over the edge."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page
from starlette.routing import Route

from tests.api_fixtures import House
from tests.dashboard.chromium import IN_A_BROWSER
from tests.dashboard.scene import Place, Scene, set_scene
from tests.dashboard.visiting import sign_in, visit

pytestmark = [*IN_A_BROWSER, pytest.mark.timeout(300)]

VENDOR = Path(__file__).parent / "vendor"
AXE = VENDOR / "axe-4.14.1.min.js"
DIGEST = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
# before there is anything to show
EMPTY = (Place("overview of nothing", "/"), Place("no jobs", "/jobs"))
THEMES = ("light", "dark")
WIDTHS = (390, 768, 1280)
HEIGHT = 900

FINDINGS = """async () => (await axe.run({resultTypes: ['violations']})).violations
  .filter((found) => ['serious', 'critical'].includes(found.impact))
  .map((found) => `${found.impact} ${found.id}: ${found.nodes.map((node) => node.html).join(' | ')}`)"""
# what reaches over the edge; what is only hidden for who looks stands far to the left
OVER = """() => {
  const root = document.documentElement, found = [];
  if (root.scrollWidth > root.clientWidth) found.push(`the page: ${root.scrollWidth} of ${root.clientWidth}`);
  for (const element of document.querySelectorAll('body *')) {
    const box = element.getBoundingClientRect();
    if (box.width && box.right > root.clientWidth + 1) found.push(element.outerHTML.slice(0, 120));
    if (element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX === 'auto') found.push(`scrolls: ${element.outerHTML.slice(0, 120)}`);
  }
  return found;
}"""
# words of ten letters and less that stand on more than one line, and long ones that stand in a pillar
BROKEN = """() => {
  const found = [], range = document.createRange(), walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    for (const word of walker.currentNode.data.matchAll(/\\S{2,}/g)) {
      range.setStart(walker.currentNode, word.index);
      range.setEnd(walker.currentNode, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
      if (lines > (/^[A-Za-z]{2,10}$/.test(word[0]) ? 1 : Math.ceil(word[0].length / 8))) found.push(word[0]);
    }
  }
  return found;
}"""


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
async def test_every_page_is_for_everybody(
    dashboard: House, browser: Browser, url: str, capsys: pytest.CaptureFixture[str], theme: Any, width: int
) -> None:
    caller = await dashboard.operator()
    context = await browser.new_context(
        base_url=url, viewport={"width": width, "height": HEIGHT}, color_scheme=theme, bypass_csp=True
    )
    page = await context.new_page()
    await sign_in(page, caller.key)

    wrong = {place.name: found for place in EMPTY if (found := await faults(page, place))}
    places = list((await set_scene(dashboard, caller)).places())
    wrong |= {place.name: found for place in places if (found := await faults(page, place))}

    await context.close()
    with capsys.disabled():
        print(f"\naxe-core: {len(EMPTY) + len(places)} pages, {theme}, {width} px: {len(wrong)} with findings")
    assert wrong == {}


async def faults(page: Page, place: Place) -> list[str]:
    await visit(page, place)
    for more in await page.locator("details").all():
        await more.evaluate("found => { found.open = true; }")
    await page.evaluate(AXE.read_text())
    assert page.url.endswith(place.path), f"{place.name} leads to {page.url}"
    assert await page.get_by_role("button", name="Sign out").count() == place.signed_in, place.name
    return [found for question in (FINDINGS, OVER, BROKEN) for found in await page.evaluate(question)]


def test_a_finding_would_be_found_and_axe_is_the_one_that_we_know() -> None:
    assert hashlib.sha256(AXE.read_bytes()).hexdigest() == DIGEST
    assert "Mozilla Public License, version 2.0" in (VENDOR / "axe-LICENSE.txt").read_text()


async def test_axe_and_the_measures_find_what_is_wrong(page: Page) -> None:
    await page.goto("about:blank")
    await page.set_content(
        '<html lang="en"><title>x</title><main><h1>x</h1><p style="color:#ccc;background:#fff">pale</p>'
        '<p style="width:2000px">wide</p><p style="width:1ch;overflow-wrap:anywhere">letters of-a-long-name-0123456789</p></main>'
    )
    await page.evaluate(AXE.read_text())

    assert any("color-contrast" in found for found in await page.evaluate(FINDINGS))
    assert any(found.startswith("the page") for found in await page.evaluate(OVER))
    assert await page.evaluate(BROKEN) == ["letters", "of-a-long-name-0123456789"]


async def test_no_page_is_left_out(dashboard: House) -> None:
    """Whatever route answers a browser with a page has a place in the scene."""
    scene: Scene = await set_scene(dashboard, await dashboard.operator())
    seen = {_shape(place.path) for place in scene.places()}
    # streams, files and pictures are no pages
    no_pages = ("/live/", "/static/", "/artifacts/", "/favicon.ico")
    routes = [
        route for route in dashboard.app.router.routes if isinstance(route, Route) and not route.include_in_schema
    ]
    wanted = {route.path for route in routes if not route.path.startswith(no_pages)}
    assert wanted - seen - {"/jobs/{job_id}/picture", "/openapi.json"} == set()


def _shape(path: str) -> str:
    parts = path.partition("?")[0].split("/")
    return "/".join("{job_id}" if len(part) == 36 else part for part in parts)
