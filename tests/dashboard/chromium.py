"""A headless Chromium of this machine, driven by playwright, which brings none of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "no Chromium here: 'apt-get install chromium' (Debian, Ubuntu), or name one in MILEPOST_TEST_CHROMIUM"
# it talks to our server and to nobody else
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def program() -> str | None:
    """Where it is; None if nowhere."""
    named = os.environ.get("MILEPOST_TEST_CHROMIUM")
    return named or next((found for name in PROGRAMS if (found := shutil.which(name))), None)


# of a module whose tests need one
IN_A_BROWSER = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(program() is None, reason=MISSING),
    pytest.mark.filterwarnings("default::ResourceWarning"),  # playwright's pipes, left to the collector
]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """With an empty profile in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="milepost-chromium-") as home:
        environment: dict[str, str | float | bool] = {**os.environ, "HOME": home}
        async with async_playwright() as play:
            browser = await play.chromium.launch(executable_path=program(), args=list(OPTIONS), env=environment)
            try:
                yield browser
            finally:
                await browser.close()
