"""A database's address in the parts and spellings that its readers want. It holds a password: never print one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from milepost.db import libpq
from milepost.domain.address import Address, read_address
from milepost.domain.errors import ConfigurationError

SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")
DEFAULT_PORT = 5432
LONGEST_NAME = 63  # bytes
HINT = "docs/operating.md lists every parameter and what becomes of it."
LOGIN = frozenset(name for name, parameter in libpq.PARAMETERS.items() if parameter.way == "login")


def database_address(url: str, what: str = "The database's address") -> Address:
    """What libpq would read, with hosts, login and database in their places whether they stood there or behind the ?.

    Raises ConfigurationError, which never says what the password could be, for what cannot be read or honoured.
    """
    read = read_address(url, schemes=SCHEMES, what=what)
    try:
        libpq.check(read.parameters)
        return _named(_in_their_places(read, read.parameters))
    except ValueError as error:
        raise ConfigurationError(f"{what} cannot be honoured: {error}.", hint=HINT) from None


def _in_their_places(read: Address, given: Mapping[str, str]) -> Address:
    user = given.get("user", read.user)
    return replace(
        read,
        scheme="postgresql",
        hosts=_hosts(read, given),
        path=given.get("dbname", read.path) or user or "",
        user=user,
        password=given.get("password", read.password),
        parameters={name: value for name, value in given.items() if name not in LOGIN},
    )


def _named(address: Address) -> Address:
    """A server cuts off what is too long, so that two names could be one database."""
    if len(address.path.encode()) > LONGEST_NAME:
        raise ValueError(f"the name of its database is longer than {LONGEST_NAME} bytes")
    return address


def _hosts(read: Address, given: Mapping[str, str]) -> tuple[tuple[str, int | None], ...]:
    hosts = given["host"].split(",") if "host" in given else [host for host, _ in read.hosts]
    ports: list[int | None] = [_port(port) for port in given["port"].split(",")] if "port" in given else []
    ports = ports or [port for _, port in read.hosts] or [None]
    if len(ports) not in {1, len(hosts) or 1}:
        raise ValueError(f"it names {len(ports)} ports for {len(hosts)} hosts: give one, or one for each")
    ports = ports if len(ports) > 1 else ports * max(1, len(hosts))
    return tuple(zip(hosts or [""], ports, strict=True)) if hosts or ports != [None] else ()


def _port(text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ValueError("a port is a number up to 65535")
    return int(text) if text else None


def plain_url(url: str) -> str:
    """`postgresql://…`, as asyncpg and psql read it."""
    return str(database_address(url))


def with_database(url: str, name: str) -> str:
    return str(replace(database_address(url), path=name))


def with_login(url: str, user: str, password: str) -> str:
    return str(replace(database_address(url), user=user, password=password or None))


def login_of(url: str) -> tuple[str, str]:
    """User and password, empty where the address leaves them to the environment."""
    address = database_address(url)
    return address.user or "", address.password or ""


def without_login(url: str) -> str:
    """Hosts, ports and database: what tells two databases apart, whoever connects."""
    address = database_address(url)
    places = ",".join(f"{host}:{port or DEFAULT_PORT}" for host, port in address.hosts)
    return f"{places or f':{DEFAULT_PORT}'}/{database_name(url)}"


def without_password(url: str) -> str:
    """What psql is started with: the process list is no place for a password."""
    address = database_address(url)
    kept = {name: value for name, value in address.parameters.items() if name != "sslpassword"}
    return str(replace(address, password=None, parameters=kept))


def quoted(name: str) -> str:
    """An identifier in a statement."""
    return '"' + name.replace('"', '""') + '"'


def database_name(url: str) -> str:
    """The user's where the address names none, as libpq has it. Raises ConfigurationError where there is neither."""
    if name := database_address(url).path:
        return name
    raise ConfigurationError("The address names no database.", hint="Like postgresql://user@host/database.")
