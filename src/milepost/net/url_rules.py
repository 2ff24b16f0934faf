"""Which URLs may be asked, as far as that can be said without a look-up; addresses are checked again when connecting."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import idna

from milepost.domain.errors import UrlNotAllowed
from milepost.net.addresses import refused_class

LONGEST = 2048
# narrower than any parser's grammar: within it all of them see the same host
URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[^\s\x00-\x20\x7f/?#\\@:\[\]%<>^`{|}\"]{1,253})"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?(?:[/?#][!-;=?-\[\]_a-z~]*)?"
)
# what a browser's parser takes for an IPv4 address: its last label is a number in some base
NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
LOCAL_SUFFIXES = ("localhost", "local", "internal", "localdomain", "lan", "home", "corp", "intranet", "home.arpa")
METADATA_NAMES = frozenset({"metadata.google.internal", "metadata.goog", "instance-data.ec2.internal"})


@dataclass(frozen=True, slots=True)
class UrlRules:
    """`exempt`: hosts, or `host:port`, that settings name; they may be asked whatever they are. `own`: our own names."""

    schemes: frozenset[str] = frozenset({"https"})
    ports: frozenset[int] = frozenset({80, 443})
    exempt: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: `host` is a name in ASCII or an address."""

    scheme: str
    host: str
    port: int


def check_url(url: str, rules: UrlRules) -> Target:
    """Raises UrlNotAllowed, which names the class of the fault and never an address."""
    match = URL.fullmatch(url) if len(url) <= LONGEST else None
    if match is None:
        raise UrlNotAllowed(fault=_fault(url))
    scheme, written = match["scheme"], match["host"]
    port = int(match["port"] or (443 if scheme == "https" else 80))
    if {written.lower(), f"{written.lower()}:{port}"} & rules.exempt:
        return Target(scheme, written.lower().strip("[]"), port)
    if scheme not in rules.schemes:
        raise UrlNotAllowed(fault="scheme")
    if port not in rules.ports:
        raise UrlNotAllowed(fault="port")
    return Target(scheme, _checked_host(written, rules), port)


def _fault(url: str) -> str:
    scheme = re.match(r"https?:", url)
    if scheme is None:
        return "scheme"
    authority = re.match(r"https?://([^/?#]*)", url)
    return "user information" if authority and "@" in authority[1] else "ambiguous"


def _checked_host(written: str, rules: UrlRules) -> str:
    if written.startswith("["):
        return _checked_ipv6(written[1:-1])
    host = _ascii(written).removesuffix(".")
    labels = host.split(".")
    if NUMBER.fullmatch(labels[-1]):
        return _checked_ipv4(host, written)
    if host in METADATA_NAMES:
        raise UrlNotAllowed(fault="metadata")
    if len(labels) == 1 or any(host == suffix or host.endswith(f".{suffix}") for suffix in LOCAL_SUFFIXES):
        raise UrlNotAllowed(fault="local name")
    if host in rules.own:
        raise UrlNotAllowed(fault="own host")
    return host


def _ascii(written: str) -> str:
    """UTS-46 first: what is classified is what will be asked."""
    try:
        host = idna.encode(written, uts46=True, std3_rules=True, transitional=False).decode().lower()
    except (idna.IDNAError, UnicodeError):
        raise UrlNotAllowed(fault="host name") from None
    if not re.fullmatch(r"[a-z0-9._-]+", host):
        raise UrlNotAllowed(fault="host name")
    return host


def _checked_ipv4(host: str, written: str) -> str:
    try:
        address = IPv4Address(host)
    except AddressValueError:
        raise UrlNotAllowed(fault="number form") from None
    if host != written:
        raise UrlNotAllowed(fault="number form")
    return _allowed(address)


def _checked_ipv6(written: str) -> str:
    try:
        return _allowed(IPv6Address(written))
    except AddressValueError:
        raise UrlNotAllowed(fault="ambiguous") from None


def _allowed(address: IPv4Address | IPv6Address) -> str:
    fault = refused_class(address)
    if fault is not None:
        raise UrlNotAllowed(fault=fault)
    return str(address)
