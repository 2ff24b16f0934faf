"""Connects to PostgreSQL: the one road from an address to a connection, for pools, migrations and everything else."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg

from milepost.db.libpq import PARAMETERS
from milepost.db.urls import database_address
from milepost.domain.address import Address
from milepost.domain.errors import ConfigurationError

# libpq's parameter and the socket's option, in the same units; not every system has all
KEEPALIVES = {
    "keepalives_idle": "TCP_KEEPIDLE",
    "keepalives_interval": "TCP_KEEPINTVL",
    "keepalives_count": "TCP_KEEPCNT",
    "tcp_user_timeout": "TCP_USER_TIMEOUT",
}
# after these the next host of the address is asked
NEXT_HOST = (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched)
TIMEOUT_SECONDS = 10.0
LEAST_SECONDS = 0.5
Host: TypeAlias = tuple[str, int | None]
# of these hosts the one that was connected to last: one that is silent costs its wait once, not for every connection
SERVED: dict[tuple[Host, ...], Host] = {}

FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
AUTHORITIES_OF_THE_MACHINE = ("sslrootcert", "system")


async def connect(url: str, *, timeout: float = TIMEOUT_SECONDS, **options: Any) -> asyncpg.Connection[Any]:
    """Asks the hosts of the address one after another. `timeout`: seconds for all, where the address gives none for each.

    Raises ConfigurationError for an address that cannot be honoured, else what the last host answered.
    """
    address = database_address(url)
    _check_files(address.parameters)
    hosts = _in_turn(address)
    # a little less than all the time there is: whoever waits hears of the last host, too
    each = float(address.parameters.get("connect_timeout", 0)) or max(0.9 * timeout / len(hosts), LEAST_SECONDS)
    given = {**options, **_of_the_driver(address), "timeout": each}
    for place, host in enumerate(hosts, 1):
        try:
            connection = await _connect(replace(address, hosts=(host,)), given)
        except NEXT_HOST:
            if place == len(hosts):
                raise
        else:
            SERVED[address.hosts] = host
            return connection
    raise AssertionError("unreachable")


def _in_turn(address: Address) -> list[Host]:
    """In the order given; where only one of them can write, the one that could the last time goes first."""
    hosts = list(address.hosts) or [("", None)]
    if address.parameters.get("load_balance_hosts") == "random":
        random.shuffle(hosts)
    if (
        address.parameters.get("target_session_attrs", "any") != "any"
        and (served := SERVED.get(address.hosts)) in hosts
    ):
        hosts.sort(key=lambda host: host != served)
    return hosts


async def _connect(address: Address, given: Mapping[str, Any]) -> asyncpg.Connection[Any]:
    parameters = {name: value for name, value in address.parameters.items() if _is_the_drivers(name, value)}
    dsn = str(replace(address, parameters=parameters, hosts=tuple(host for host in address.hosts if host[0])))
    try:
        connection = await asyncpg.connect(dsn, **given)
    except asyncpg.ClientConfigurationError as error:
        told = str(error).splitlines()[0]
        raise ConfigurationError(f"The database's address cannot be honoured: {told}.") from None
    except ssl.SSLCertVerificationError as error:
        raise OSError(f"the certificate of the server is not accepted: {error.verify_message}") from error
    _keep_alive(connection, address.parameters)
    return connection


def _check_files(given: Mapping[str, str]) -> None:
    """The driver's own words for a file that is not there do not say which."""
    for name in FILES:
        path = given.get(name)
        if path and (name, path) != AUTHORITIES_OF_THE_MACHINE and not Path(path).is_file():
            raise ConfigurationError(f"The database's address names {name}={path}, which is no file here.")


def _is_the_drivers(name: str, value: str) -> bool:
    return PARAMETERS[name].way in {"driver", "server"} and (name, value) != AUTHORITIES_OF_THE_MACHINE


def _of_the_driver(address: Address) -> dict[str, Any]:
    """What the driver takes beside an address."""
    given = address.parameters
    found: dict[str, Any] = {}
    if "fallback_application_name" in given and "application_name" not in given:
        found["server_settings"] = {"application_name": given["fallback_application_name"]}
    if in_full(given):
        found["ssl"] = _full_check(given)
    return found


def in_full(given: Mapping[str, str]) -> bool:
    """Whether the parameters ask for a check of authority and name, whatever sslmode says."""
    return AUTHORITIES_OF_THE_MACHINE in given.items() or given.get("channel_binding") == "require"


def _full_check(given: Mapping[str, str]) -> ssl.SSLContext:
    """Authority and name are checked, by the named authorities or the machine's."""
    named = given.get("sslrootcert", "system")
    context = ssl.create_default_context(cafile=None if named == "system" else named)
    context.set_alpn_protocols(["postgresql"])
    if "sslcert" in given:
        context.load_cert_chain(given["sslcert"], given.get("sslkey"), given.get("sslpassword"))
    return context


def _keep_alive(connection: asyncpg.Connection[Any], given: Mapping[str, str]) -> None:
    """A line that died without a word is noticed, as with libpq; the driver itself leaves the socket as it is."""
    line: socket.socket = connection._transport.get_extra_info("socket")  # noqa: SLF001 - there is no other way to it
    if line.family == socket.AF_UNIX or given.get("keepalives") == "0":
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, option in KEEPALIVES.items():
        value = int(given.get(name, 0))
        if value > 0 and hasattr(socket, option):
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
