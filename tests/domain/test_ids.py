"""Ids as people write them."""

from __future__ import annotations

from uuid import UUID

import pytest

from milepost.db.ids import new_id
from milepost.domain.ids import read_short, read_whole, short_id


def test_ids_made_together_differ_in_their_short_ids() -> None:
    made = [new_id() for _ in range(1000)]

    assert len({str(one)[:8] for one in made}) <= 2
    assert len({short_id(one) for one in made}) == 1000


def test_a_short_id_is_read_as_it_is_shown_or_copied() -> None:
    whole = UUID("01a1fd40-d36a-735c-a2d8-4598Fe76e2db")

    for text in (short_id(whole), short_id(str(whole)), "…fe76e2db", " FE76E2DB\n"):
        assert read_short(text) == "fe76e2db"


def test_a_whole_id_is_read_in_either_case_and_in_no_other_spelling() -> None:
    whole = UUID("01a1fd40-d36a-735c-a2d8-4598fe76e2db")

    assert read_whole(str(whole)) == read_whole(f" {str(whole).upper()}") == whole
    assert [read_whole(text) for text in (whole.hex, f"{{{whole}}}", whole.urn, "x", "")] == [None] * 5


@pytest.mark.parametrize("text", ["", "fe76e2d", "fe76e2dbb", "fe76e2dg", "fe76-2db", "\uff11" * 8, str(UUID(int=1))])
def test_what_is_no_short_id_is_none(text: str) -> None:
    assert read_short(text) is None
