"""What is published speaks of the project alone."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT, tracked

# put together here, so that this file may be looked at as well
LEAKS = {
    "a place on somebody's machine": r"/w" + r"ork/(?:main|shared|\.library)|/ho" + r"me/[a-z]+/|/Us" + r"ers/[a-z]+/|/tm" + r"p/plan",
    "a tracker that readers do not have": r"\bis" + r"sues? (?:#|no\. ?)?\d|\bfix(?:es|ed)? #\d",
    "how it was written": r"\b(?:cl" + r"aude code|copi" + r"lot|chat" + r"gpt|llm-wri" + r"tten|as an a" + r"i)\b|\bco-authored-by\b",
    "a page that is not published": r"\b(?:PERFORM" + r"ANCE|RELIAB" + r"ILITY|ST" + r"YLE|ST" + r"ACK|A" + r"RQ|DO" + r"MAIN)\.md\b|\bspec/[a-z]+\.md",
    "a mark for later": r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b",
    "a mirror": r"--index-url +https?:|--find-links +http",
}  # fmt: skip
# what others wrote, or what only machines read
SKIPPED = {"requirements.lock", "requirements-dev.lock", "LICENSE"}
BINARY = {".png", ".jpg", ".ttf", ".otf", ".woff2", ".ico", ".gz"}


def test_no_file_tells_of_how_and_where_it_was_made() -> None:
    found: list[str] = []
    for path in tracked():
        name = str(path.relative_to(ROOT))
        if name in SKIPPED or path.suffix in BINARY:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            found += [
                f"{name}:{number}: {what}: {hit[0]}"
                for what, pattern in LEAKS.items()
                if (hit := re.search(pattern, line, re.IGNORECASE if "written" in what or "place" in what else 0))
            ]
    assert found == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_place_to_download_from(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text()
