"""The bytes of an audit row: RFC 8785's own examples, and a form for every row that a database can hold."""

from __future__ import annotations

import json
import struct
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from milepost.domain.canonical import Entry, Inexpressible, canonical, entry_bytes, number

ENTRY = Entry(
    log="default", epoch=1, id=7, xid=900, tenant_id="default", user_id="system", action="execution.created",
    resource_type="execution", resource_id="0192", details=None, created_at="2026-01-01T00:00:00.000000Z",
    actor="key:1", version=1,
)  # fmt: skip

# RFC 8785, appendix B: the double's bits, and how it is written
NUMBERS = {
    "0000000000000000": "0", "0000000000000001": "5e-324", "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308", "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992", "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000", "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23", "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000", "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21", "3eb0c6f7a0b5ed8c": "9.999999999999997e-7", "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332", "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333", "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}  # fmt: skip


@pytest.mark.parametrize(("bits", "written"), NUMBERS.items())
def test_numbers_are_written_as_the_rfc_shows(bits: str, written: str) -> None:
    [value] = struct.unpack(">d", bytes.fromhex(bits))

    assert number(repr(value)) == written


def test_the_example_of_the_rfc() -> None:
    given_text = """{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/", "literals": [null, true, false]}"""
    with pytest.raises(Inexpressible):  # the RFC rounds 333333333.33333329; an audit row does not
        canonical(given_text)

    assert canonical(given_text.replace("29,", "3,")) == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_names_stand_in_the_order_of_utf_16() -> None:
    text = json.dumps({"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\xf6": 7})

    assert [value for _, value in json.loads(canonical(text), object_pairs_hook=list)] == [2, 4, 6, 7, 1, 5, 3]


def test_a_row_reads_as_json_whose_names_are_in_order() -> None:
    read = json.loads(entry_bytes(ENTRY), object_pairs_hook=list)

    assert [name for name, _ in read] == sorted(name for name, _ in read)
    assert dict(read) == {**ENTRY._asdict(), "schema": 1, "id": "7", "xid": "900"}


@pytest.mark.parametrize(
    "details", ['{"n": 12345678901234567890123}', '{"n": 0.12345678901234567890123}', '{"n": 1e999}', "[" * 5000 + "]" * 5000]
)  # fmt: skip
def test_what_the_rfc_cannot_say_is_kept_as_text(details: str) -> None:
    read = json.loads(entry_bytes(ENTRY._replace(details=details)))

    assert read["details_text"] == details
    assert "details" not in read


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)
ENTRIES = st.builds(
    Entry, TEXT, st.integers(1, 9), st.integers(1), st.integers(3), TEXT, TEXT, TEXT, TEXT, TEXT,
    st.none() | JSON.map(json.dumps), TEXT, TEXT, st.none() | st.integers(1),
)  # fmt: skip


def read_exactly(text: str | bytes) -> Any:
    """Numbers as they stand: an integer beyond 2**53 may stand for a double that is not that integer."""
    return json.loads(text, parse_int=Decimal, parse_float=Decimal)


@given(ENTRIES)
@example(ENTRY._replace(details="3.77328501757057e+16"))
def test_every_row_has_bytes_that_tell_it_whole(entry: Entry) -> None:
    read = read_exactly(entry_bytes(entry))
    told = read.pop("details_text", None)
    same = told == entry.details if told else read["details"] == (entry.details and read_exactly(entry.details))

    assert same
    assert all(str(read[name]) == str(value) for name, value in entry._asdict().items() if name != "details")


@given(ENTRIES, ENTRIES)
def test_different_rows_have_different_bytes(one: Entry, other: Entry) -> None:
    details = [entry.details and read_exactly(entry.details) for entry in (one, other)]

    if one._replace(details=None) != other._replace(details=None) or details[0] != details[1]:
        assert entry_bytes(one) != entry_bytes(other)
