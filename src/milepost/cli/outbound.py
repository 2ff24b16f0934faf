"""What settings say of the URLs that may be asked."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import urlsplit

from milepost.domain.errors import ConfigurationError, UrlNotAllowed
from milepost.net.host_names import ascii_host
from milepost.net.url_rules import PORTS, UrlRules
from milepost.settings import Settings

PORT = re.compile("[1-9][0-9]{0,4}")


def callback_rules(settings: Settings) -> UrlRules:
    """Raises ConfigurationError."""
    schemes = {"https", "http"} if settings.allow_http_callbacks else {"https"}
    own = settings.own_hosts or urlsplit(settings.api_url).hostname
    return UrlRules(
        schemes=frozenset(schemes),
        ports=frozenset(PORTS.values()) | frozenset(map(_port, _members(settings.url_ports))),
        exempt=frozenset(member.lower() for member in _members(settings.url_exceptions)),
        own=frozenset(map(_host, _members(own))),
    )


def _members(text: str | None) -> list[str]:
    return [member.strip() for member in (text or "").split(",") if member.strip()]


def _port(text: str) -> int:
    if PORT.fullmatch(text) and int(text) < 65_536:
        return int(text)
    raise ConfigurationError(f"MILEPOST_URL_PORTS holds {text!r}, which is no port.", hint="Write it as 8443,9443.")


def _host(text: str) -> str:
    """As a target names it: in ASCII, an IPv6 address in its short form without brackets."""
    try:
        return str(IPv6Address(text.strip("[]"))) if ":" in text else ascii_host(text).removesuffix(".")
    except (AddressValueError, UrlNotAllowed):
        hint = "Write names and addresses, with commas between."
        raise ConfigurationError(f"MILEPOST_OWN_HOSTS holds {text!r}, which is no host.", hint=hint) from None
