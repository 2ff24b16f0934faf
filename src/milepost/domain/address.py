"""The address of a server, read in one place for all. It may hold a password: nothing here repeats what could be one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from milepost.domain.errors import ConfigurationError

ENCODE = "Percent-encode @ : / ? # % in user and password: %40 %3A %2F %3F %23 %25."
BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
INVISIBLE = re.compile(r"[\x00-\x20\x7f]")
HOST = re.compile(r"^(?P<host>\[[0-9A-Fa-f:.%a-z]*\]|[^:\[\]]*)(?::(?P<port>.*))?$")


@dataclass(frozen=True, slots=True)
class Address:
    """`scheme://user:password@host:port,…/path?name=value&…`, percent-encoding undone.

    `hosts` holds pairs of host and port, the port None where it is not given; IPv6 without brackets.
    """

    scheme: str
    hosts: tuple[tuple[str, int | None], ...] = ()
    path: str = ""
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def __str__(self) -> str:
        """With the password, as every reader of such addresses understands it."""
        login = "" if self.user is None else quote(self.user, safe="")
        login += "" if self.password is None else f":{quote(self.password, safe='')}"
        query = "&".join(f"{quote(name, safe='')}={quote(value, safe='/,')}" for name, value in self.parameters.items())
        return f"{self.scheme}://{login}{'@' if login else ''}{self.places}/{quote(self.path)}{'?' if query else ''}{query}"

    @property
    def places(self) -> str:
        """Hosts and ports, as the address wrote them."""
        return ",".join(_written(host) + ("" if port is None else f":{port}") for host, port in self.hosts)


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else quote(host, safe="")


def read_address(text: str, *, schemes: Collection[str], what: str) -> Address:
    """Raises ConfigurationError, which says what is wrong with `what`, never what stands there between `:` and `@`."""
    try:
        return _read(text, schemes)
    except _Wrong as error:
        raise ConfigurationError(f"{what} cannot be read: {error}.", hint=ENCODE) from None


class _Wrong(ValueError):
    """What an address does that none may."""


def _read(text: str, schemes: Collection[str]) -> Address:
    scheme, found, rest = text.strip().partition("://")
    if not found or scheme not in schemes:
        raise _Wrong(f"it must begin with {' or '.join(f'{one}://' for one in schemes)}")
    if INVISIBLE.search(rest):
        raise _Wrong("it holds a blank or a character that cannot be seen")
    authority, path, query = _parts(rest)
    login, _, places = authority.rpartition("@")
    user, colon, password = login.partition(":")
    return Address(
        scheme,
        tuple(_place(place) for place in places.split(",")) if places else (),
        _decoded(path),
        _decoded(user) or None,
        _decoded(password) if colon else None,
        _parameters(query),
    )


def _parts(rest: str) -> tuple[str, str, str]:
    """Authority, path and query. Readers disagree about where a password ends that holds what separates these."""
    authority, slash, tail = _cut(rest)
    path, _, query = tail.partition("?") if slash == "/" else ("", "", tail)
    ambiguous = authority.count("@") > 1 or "@" in path or ("@" in query and "@" not in authority) or "#" in rest
    if ambiguous:
        raise _Wrong("it can be read in more than one way")
    if BAD_PERCENT.search(rest):
        raise _Wrong("it holds a % that begins no percent-encoding")
    return authority, path, query


def _cut(rest: str) -> tuple[str, str, str]:
    found = re.search("[/?]", rest)
    return (rest, "", "") if found is None else (rest[: found.start()], found[0], rest[found.end() :])


def _place(text: str) -> tuple[str, int | None]:
    found = HOST.match(text)
    port = found["port"] if found else None
    if found is None or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        # not repeated: it may be the rest of a password
        raise _Wrong("its host and port cannot be read: a port is a number up to 65535")
    return _decoded(found["host"].strip("[]")), int(port) if port else None


def _parameters(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise _Wrong("a parameter behind the ? is not written name=value")
        if found.setdefault(_decoded(name), _decoded(value)) != _decoded(value):
            raise _Wrong(f"the parameter {_decoded(name)} is given twice")
    return found


def _decoded(text: str) -> str:
    try:
        plain = unquote(text, errors="strict")
    except UnicodeDecodeError:
        plain = "\0"
    if "\0" in plain:
        raise _Wrong("its percent-encoding is no text")
    return plain
