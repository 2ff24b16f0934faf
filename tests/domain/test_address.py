"""An address is read in one way or refused, and never told with what could be its password."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.domain.address import ENCODE, Address, read_address
from milepost.domain.errors import ConfigurationError

SCHEMES = ("postgresql", "redis")


def read(text: str) -> Address:
    return read_address(text, schemes=SCHEMES, what="The address")


@pytest.mark.parametrize(
    ("text", "hosts", "path"),
    [
        ("postgresql://h/db", (("h", None),), "db"),
        ("postgresql://h:1/db", (("h", 1),), "db"),
        ("postgresql://a:1,b,[::1]:3/db", (("a", 1), ("b", None), ("::1", 3)), "db"),
        ("postgresql:///db", (), "db"),
        ("postgresql://%2Ftmp%2Fsocket:9/a%20b", (("/tmp/socket", 9),), "a b"),
        ("postgresql://", (), ""),
    ],
)
def test_hosts_ports_and_path(text: str, hosts: object, path: str) -> None:
    found = read(text)

    assert (found.hosts, found.path) == (hosts, path)


@given(
    user=st.text(min_size=1).filter(lambda text: "\0" not in text),
    password=st.text().filter(lambda text: "\0" not in text),
    value=st.text().filter(lambda text: "\0" not in text),
)
def test_what_is_encoded_is_read_as_it_was(user: str, password: str, value: str) -> None:
    text = str(Address("redis", (("h", 7),), "0", user, password, {"name": value}))

    found = read(text)

    assert (found.user, found.password, dict(found.parameters)) == (user, password, {"name": value})
    assert str(found) == text


@given(st.text(alphabet=st.characters(min_codepoint=1, max_codepoint=0x17F), min_size=1, max_size=12))
def test_a_password_that_is_not_encoded_is_read_as_it_is_or_refused_without_a_word_of_it(middle: str) -> None:
    secret = f"TopSecret{middle}zzSecret"
    try:
        found = read(f"postgresql://u:{secret}@h:5432/db")
    except ConfigurationError as error:
        told = f"{error} {error.hint}"
        assert "Secret" not in told
        assert ENCODE in told
    else:
        assert found.hosts == (("h", 5432),)
        assert found.password in {secret, secret.strip()} or "%" in secret


@pytest.mark.parametrize(
    "text",
    [
        "", "h/db", "mysql://h/db", "postgresql:/h", "postgresql://u:TopSecret9#zz@h/db", "postgresql://u:a/Secret@h/db",
        "postgresql://u:1/Secret@h/db", "postgresql://u:1?a=Secret@h", "postgresql://u:Secret@x@h/db", "postgresql://h:port/db",
        "postgresql://h:0/db", "postgresql://h:65536/db", "postgresql://h:٣/db", "postgresql://::1/db", "postgresql://[::1/db",
        "postgresql://u:Sec%ret@h/db", "postgresql://u:%ff@h/db", "postgresql://u:%00@h/db", "postgresql://h/db?Secret",
        "postgresql://h/db?=Secret", "postgresql://h/db?a=1&a=2", "postgresql://h /db", "postgresql://h/d\nb", "postgresql://h/\x1b",
    ],
)  # fmt: skip
def test_what_cannot_be_read_in_one_way_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^The address cannot be read: ") as refused:
        read(text)

    assert "Secret" not in f"{refused.value} {refused.value.hint}"
    assert refused.value.__cause__ is None


def test_an_address_shows_neither_its_login_nor_its_parameters() -> None:
    assert "Secret" not in repr(read("postgresql://Secret1:Secret2@h/db?sslpassword=Secret3"))
