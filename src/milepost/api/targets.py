"""What a request may name as its target and its Host (RFC 9112, 3.2; RFC 9110, 4.2)."""

from __future__ import annotations

import re

LONGEST_TARGET = 16 * 1024
LARGEST_PORT = 65_535
# a name or an address, and a port. No user before it: RFC 9110, 4.2.4
AUTHORITY = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::(?P<port>[0-9]{0,5}))?"
)
ABSOLUTE = re.compile(rb"(?i:https?)://(?P<authority>[^/?#]+)(?P<rest>(?:[/?][^#]*)?)")
SERVER = b"*"


def is_host(value: bytes) -> bool:
    """Whether a Host may say so. An empty one is what a target without an authority has."""
    found = AUTHORITY.fullmatch(value)
    return found is not None and int(found["port"] or 0) <= LARGEST_PORT


def read_target(method: bytes, target: bytes) -> tuple[bytes, bytes | None]:
    """Path and query, and the host where the target names one: it counts, and the header Host does not.

    `*` for the server itself. Raises ValueError for what this server is not asked for.
    """
    if method == b"CONNECT" or b"#" in target:
        raise ValueError("no target of ours")
    if target.startswith(b"/") or (target == SERVER and method == b"OPTIONS"):
        return target, None
    found = ABSOLUTE.fullmatch(target)
    if found is None or not is_host(found["authority"]) or found["authority"].startswith(b":"):
        raise ValueError("no target of ours")
    return _path(method, found["rest"]), found["authority"]


def _path(method: bytes, rest: bytes) -> bytes:
    """RFC 9112, 3.2.4: nothing behind the host is the server itself for OPTIONS, and its root for all others."""
    if not rest and method == b"OPTIONS":
        return SERVER
    return rest if rest.startswith(b"/") else b"/" + rest
