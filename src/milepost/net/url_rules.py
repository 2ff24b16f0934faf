"""Which URLs may be asked, as far as that can be said without a look-up; addresses are checked again when connecting."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple
from urllib.parse import urlsplit

import ada_url

from milepost.domain.errors import UrlNotAllowed
from milepost.net.addresses import refused_class
from milepost.net.host_names import ascii_host
from milepost.net.names import refused_name

LONGEST = 2048
NONCHARACTERS = "\ufdd0-\ufdef" + "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
# blanks, controls, halves of characters, and the backslash, which browsers turn into a slash
NEVER = r"\s\x00-\x20\x7f-\x9f\\\ud800-\udfff" + NONCHARACTERS
# narrower than any parser's grammar: within it all of them see the same host
URL = re.compile(
    r"(?P<scheme>[hH][tT][tT][pP][sS]?)://"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[^/?#@:\[\]%<>^`{|}\"" + NEVER + "]{1,253})"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<rest>[/?#][^" + NEVER + "]*)?"
)
PORTS = {"http": 80, "https": 443}
# what a browser's parser takes for an IPv4 address: its last label is a number in some base
NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


@dataclass(frozen=True, slots=True)
class UrlRules:
    """`exempt`: hosts, or `host:port`, that may be asked whatever they are. `own`: our own names and addresses.

    Both as a target has them, or as they are written; an IPv6 address in brackets where it is exempt.
    """

    schemes: frozenset[str] = frozenset({"https"})
    ports: frozenset[int] = frozenset({80, 443})
    exempt: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: `host` is a name in ASCII or an address.

    `url` is the same as a browser would ask for it, in ASCII, without a fragment and without the host's last dot: what is
    kept, shown and asked. Checking it again gives it again.
    """

    scheme: str
    host: str
    port: int
    url: str


class Written(NamedTuple):
    """A URL and its parts as they stand there, but for the scheme, which is in lower case, and a port that is left out."""

    url: str
    scheme: str
    host: str
    port: int


def check_url(url: str, rules: UrlRules) -> Target:
    """Raises UrlNotAllowed, which names the class of the fault and never an address."""
    written = _read(url)
    scheme, host, port = written.scheme, written.host.lower(), written.port
    if not {host, f"{host}:{port}"} & rules.exempt:
        if scheme not in rules.schemes:
            raise UrlNotAllowed(fault="scheme", hint=f"allowed are {', '.join(sorted(rules.schemes))}")
        if port not in rules.ports:
            raise UrlNotAllowed(fault="port", hint=f"allowed are {', '.join(map(str, sorted(rules.ports)))}")
        host = _checked_host(written.host)
        if host.strip("[]") in rules.own:
            raise UrlNotAllowed(fault="own host")
    return Target(scheme, host.strip("[]"), port, _as_asked(written, host))


def _read(url: str) -> Written:
    match = URL.fullmatch(url) if len(url) <= LONGEST else None
    if match is None:
        raise _fault(url)
    # what stands behind a bare ? or # some take for the rest of the host, and what stands before its @ for a user
    if match["rest"] and match["rest"][0] in "?#" and "@" in match["rest"]:
        raise UrlNotAllowed(fault="ambiguous", hint="write a slash behind the host")
    scheme = match["scheme"].lower()
    return Written(url, scheme, match["host"], int(match["port"] or PORTS[scheme]))


def _fault(url: str) -> UrlNotAllowed:
    if len(url) > LONGEST:
        return UrlNotAllowed(fault="length", hint=f"at most {LONGEST} characters")
    scheme = re.match("[hH][tT][tT][pP][sS]?:", url)
    if scheme is None:
        return UrlNotAllowed(fault="scheme", hint="write https:// before it")
    authority = re.match("//[^/?#]*", url[scheme.end() :])
    if authority and "@" in authority[0]:
        return UrlNotAllowed(fault="user information", hint="write no name and no password before the host")
    return UrlNotAllowed(fault="ambiguous", hint="programs read it in different ways; write it as RFC 3986 does")


def _checked_host(written: str) -> str:
    if written.startswith("["):
        return _checked_ipv6(written[1:-1])
    host = ascii_host(written).removesuffix(".")
    if NUMBER.fullmatch(host.rpartition(".")[2]):
        return _checked_ipv4(host, written)
    fault = refused_name(host)
    if fault is not None:
        raise UrlNotAllowed(fault=fault)
    return host


def _checked_ipv4(host: str, written: str) -> str:
    try:
        address = IPv4Address(host)
    except AddressValueError:
        address = None
    if address is None or host != written:
        raise UrlNotAllowed(fault="number form", hint="write four decimal numbers with points between")
    return _allowed(address)


def _checked_ipv6(written: str) -> str:
    try:
        address = IPv6Address(written)
    except AddressValueError:
        raise UrlNotAllowed(fault="ambiguous", hint="its host is no IPv6 address") from None
    return f"[{_allowed(address)}]"


def _allowed(address: IPv4Address | IPv6Address) -> str:
    fault = refused_class(address)
    if fault is not None:
        raise UrlNotAllowed(fault=fault)
    return str(address)


def _as_asked(written: Written, host: str) -> str:
    """The WHATWG serialisation, where that parser and Python's find the same host and port."""
    try:
        same = _of_browser(written.url) == (ada_url.URL(f"https://{host}").hostname, written.port)
        same = same and _of_python(written.url) == (written.host.strip("[]").lower(), written.port)
    except ValueError:
        same = False
    if not same:
        raise UrlNotAllowed(fault="ambiguous", hint="two parsers do not find the same host in it")
    asked = ada_url.URL(written.url)
    asked.hostname, asked.hash = host, ""
    if len(asked.href) > LONGEST:
        raise UrlNotAllowed(fault="length", hint=f"at most {LONGEST} characters, with all that is no ASCII escaped")
    return asked.href


def _of_browser(url: str) -> tuple[str, int]:
    parts = ada_url.URL(url)
    return parts.hostname.removesuffix("."), int(parts.port or PORTS[parts.protocol.removesuffix(":")])


def _of_python(url: str) -> tuple[str | None, int]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or PORTS[parts.scheme]
