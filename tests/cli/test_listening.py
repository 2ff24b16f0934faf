"""Which port the API gets."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from milepost.cli.stack.listening import address_of, listen
from milepost.domain.errors import ConfigurationError, Unavailable


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_busy_port_leads_to_the_next_free_one(taken: int):
    with listen("127.0.0.1", taken, explicit=False) as bound:
        assert taken < bound.getsockname()[1] < taken + 100


def test_a_busy_port_that_was_asked_for_by_number_is_refused(taken: int):
    with pytest.raises(Unavailable, match=f"Port {taken} on 127.0.0.1 is taken"):
        listen("127.0.0.1", taken, explicit=True)


def test_zero_takes_any_port_and_the_address_says_which():
    with listen("127.0.0.1", 0, explicit=True) as bound:
        assert address_of(bound) == f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_who_listens_everywhere_is_reached_by_loopback():
    with listen("0.0.0.0", 0, explicit=True) as bound:
        assert address_of(bound).startswith("http://127.0.0.1:")


def test_an_address_that_is_not_ours_is_refused():
    with pytest.raises(ConfigurationError, match="has no address"):
        listen("192.0.2.1", 0, explicit=True)
