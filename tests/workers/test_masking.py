"""What a provider said is stored without secrets and within bounds."""

from __future__ import annotations

import pytest

from workers.executions.providers.masking import ANSWER_BYTES, excerpt, mask


@pytest.mark.parametrize(
    "told",
    [
        "key s3cr3t+key/1 is wrong",
        "?key=s3cr3t%2Bkey%2F1",
        "Authorization: Bearer abcdefghijk",
        "sk-ant-api03-abcdefgh",
        "AIzaSyA-1234567890abcdefghijk",
    ],
)
def test_secrets_are_masked(told: str) -> None:
    masked = mask(told, "s3cr3t+key/1")

    assert "[secret]" in masked
    assert "s3cr3t" not in masked
    assert "abcdefgh" not in masked


def test_a_secret_that_straddles_the_cut_leaves_no_half() -> None:
    text = "x" * (ANSWER_BYTES - 4) + "topsecret"

    assert "tops" not in (excerpt(text, "topsecret") or "")


def test_an_excerpt_is_two_kibibytes_of_whole_characters_without_nul() -> None:
    assert len((excerpt("猫" * 5000, "k") or "").encode()) <= ANSWER_BYTES
    assert excerpt({"error": "a\0b"}, "k") == '{"error": "a\\u0000b"}'
    assert "\0" not in (excerpt("a\0b", "k") or "")
    assert excerpt(None, "k") is None
