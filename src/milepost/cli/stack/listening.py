"""The API's socket: bound by the parent and kept open, so that a restarted API process loses no connection."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL

from milepost.domain.errors import ConfigurationError, Unavailable

TRIED = 100
BACKLOG = 2048


def listen(host: str, port: int, *, explicit: bool) -> socket.socket:
    """On `port` or, unless the caller named it, the next free one; 0 takes any. Raises Unavailable."""
    candidates: Iterable[int] = (port,) if explicit or port == 0 else range(port, min(port + TRIED, 65536))
    for candidate in candidates:
        try:
            return _bound(host, candidate)
        except OSError as error:
            if error.errno == EADDRNOTAVAIL or isinstance(error, socket.gaierror):
                raise ConfigurationError(f"This machine has no address {host}.") from None
            if error.errno == EACCES:
                raise ConfigurationError(f"Port {candidate} needs more rights than we have.") from None
            if error.errno != EADDRINUSE:
                raise
    raise Unavailable(f"Port {port} on {host} is taken.", hint="Name another one, or 0 for any that is free.")


def address_of(bound: socket.socket) -> str:
    """The URL to connect to; a wildcard address is reached by loopback."""
    host, port = bound.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound
