"""How a browser comes to a page: by its address, or by a form that is sent."""

from __future__ import annotations

from playwright.async_api import Page

from tests.dashboard.scene import Place

SEND = """([path, fields]) => {
  const token = document.querySelector('[name=form_token]').value;
  const form = document.createElement('form');
  form.method = 'post';
  form.action = path;
  for (const [name, value] of Object.entries({form_token: token, ...fields})) {
    form.append(Object.assign(document.createElement('input'), {name, value}));
  }
  document.body.append(form);
  form.submit();
}"""


async def sign_in(page: Page, key: str) -> None:
    await page.goto("/sign-in")
    await page.get_by_label("API key").fill(key)
    await page.get_by_role("button", name="Sign in").click()
    await page.locator("[data-state=live]").wait_for()


async def visit(page: Page, place: Place) -> None:
    """Leaves a session behind where the page is for those who have none."""
    await page.goto(place.path if not place.fields else "/sign-in" if not place.signed_in else "/jobs")
    if place.fields:
        async with page.expect_navigation():
            await page.evaluate(SEND, [place.path, dict(place.fields)])
    await page.wait_for_load_state("load")
