"""What is wrong with a field, in words that fit the field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from milepost.api.pointers import Sent
from milepost.api.validation import invalid
from milepost.kinds import find_kind

STICKER = {
    "prompt": "x",
    "title": "x",
    "character_name": "x",
    "attribute": "x",
    "rarity": "x",
    "background_color": "red",
}


def told(kind: str, **request: Any) -> dict[str, str]:
    sent = Sent(find_kind(kind).request, json.dumps(request).encode())
    with pytest.raises(ValidationError) as refused:
        sent.model.model_validate(request)
    return {error["pointer"]: error["detail"] for error in invalid(refused.value, sent).extra["errors"]}


def test_the_length_of_a_text_is_counted_in_characters():
    assert told("image", **STICKER | {"character_name": "", "title": "x" * 41}) == {
        "/title": "Value should have at most 40 characters, not 41",
        "/character_name": "Value should have at least 1 character, not 0",
    }
    assert told("execution", prompt="x", model="") == {"/model": "Value should have at least 1 character, not 0"}


def test_a_field_given_by_both_of_its_names_is_not_said_to_be_unknown_alone():
    assert "by another of its names too" in told("execution", prompt="x", max_tokens=1, maxTokens=2)["/max_tokens"]
