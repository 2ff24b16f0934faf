"""What somebody may have meant."""

from __future__ import annotations

import pytest

from milepost.domain.nearest import nearest, nearest_first

FIELDS = ("prompt", "model", "max_tokens", "callback_url", "scheduled_at")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("promt", "prompt"),
        ("PROMPT", "prompt"),
        ("Max-Tokens", "max_tokens"),
        ("maxtokens", "max_tokens"),
        ("tokens", "max_tokens"),
        ("callback", "callback_url"),
        ("schedule", "scheduled_at"),
        ("zzz", None),
        ("", None),
        ("x" * 1_000_000, None),
    ],
)
def test_the_nearest_is_the_one_meant_or_none(name: str, meant: str | None):
    assert nearest(name, FIELDS) == meant


def test_the_near_ones_come_first_and_the_rest_keep_their_order():
    assert nearest_first("callbak_url", FIELDS) == ["callback_url", "prompt", "model", "max_tokens", "scheduled_at"]
    assert nearest_first("zzz", FIELDS) == list(FIELDS)
    assert nearest("x", ()) is None
