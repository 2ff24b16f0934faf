"""Every parameter of an address means what libpq means, on a real server, or is refused with its meaning."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from milepost.db.connecting import connect
from milepost.db.libpq import PARAMETERS
from milepost.db.migrate import current
from milepost.db.tenants import DatabaseOptions, open_database
from milepost.db.urls import database_address, database_name, login_of, with_database, with_login, without_password
from milepost.domain.errors import ConfigurationError
from tests.servers.proxy import Proxy
from tests.servers.tls import Certificates, certificates, tls_before


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("papers"))


@pytest.fixture
async def place(template: str) -> tuple[str, int]:
    ((host, port),) = database_address(template).hosts
    assert port is not None
    return host, port


def at(template: str, port: int, parameters: str, *, host: str = "localhost") -> str:
    """The suite's server, asked at another port, with these parameters."""
    user, password = login_of(template)
    return f"postgresql://{user}:{password}@{host}:{port}/template_tenant?{parameters}"


async def ask(url: str, sql: str) -> Any:
    connection = await connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@asynccontextmanager
async def passed_on(place: tuple[str, int], path: Path) -> AsyncIterator[None]:
    proxy = Proxy(*place)
    server = await asyncio.start_unix_server(proxy.serve, path)
    yield
    server.close()
    proxy.cut()


# what the server itself says of a connection
SHOWN = {
    "application_name": ("application_name=till", "SHOW application_name", "till"),
    "fallback_application_name": ("fallback_application_name=till", "SHOW application_name", "till"),
    "options": ("options=-c%20work_mem%3D3MB", "SHOW work_mem", "3MB"),
    "client_encoding": ("client_encoding=UTF8", "SHOW client_encoding", "UTF8"),
    "target_session_attrs": ("target_session_attrs=read-write", "SELECT 1", 1),
    "connect_timeout": ("connect_timeout=5", "SELECT 1", 1),
    "load_balance_hosts": ("load_balance_hosts=random", "SELECT 1", 1),
    "sslmode": ("sslmode=disable", "SELECT 1", 1),
    "gssencmode": ("gssencmode=prefer", "SELECT 1", 1),
    "krbsrvname": ("krbsrvname=postgres", "SELECT 1", 1),
    "gsslib": ("gsslib=gssapi", "SELECT 1", 1),
    "gssdelegation": ("gssdelegation=0", "SELECT 1", 1),
    "channel_binding": ("channel_binding=prefer", "SELECT 1", 1),
    "sslsni": ("sslsni=1", "SELECT 1", 1),
    "sslcompression": ("sslcompression=0", "SELECT 1", 1),
    "sslcertmode": ("sslcertmode=allow", "SELECT 1", 1),
    "requiressl": ("requiressl=0", "SELECT 1", 1),
    "replication": ("replication=false", "SELECT 1", 1),
    "min_protocol_version": ("min_protocol_version=3.0", "SELECT 1", 1),
    "max_protocol_version": ("max_protocol_version=latest", "SELECT 1", 1),
    "sslnegotiation": ("sslnegotiation=postgres", "SELECT 1", 1),
    "ssl_min_protocol_version": ("ssl_min_protocol_version=TLSv1.2", "SELECT 1", 1),
    "ssl_max_protocol_version": ("ssl_max_protocol_version=TLSv1.3", "SELECT 1", 1),
    "keepalives": ("keepalives=0", "SELECT 1", 1),
    "keepalives_idle": ("keepalives_idle=30", "SELECT 1", 1),
    "keepalives_interval": ("keepalives_interval=5", "SELECT 1", 1),
    "keepalives_count": ("keepalives_count=3", "SELECT 1", 1),
    "tcp_user_timeout": ("tcp_user_timeout=20000", "SELECT 1", 1),
}
REFUSED = {
    "hostaddr": "127.0.0.1", "sslcrldir": "/crl", "sslkeylogfile": "/keys", "require_auth": "scram-sha-256",
    "requirepeer": "postgres", "scram_client_key": "a", "scram_server_key": "a", "service": "shop", "servicefile": "/f",
    "oauth_issuer": "a", "oauth_client_id": "a", "oauth_client_secret": "a", "oauth_scope": "a",
}  # fmt: skip
# tried below, by tests of their own
ELSEWHERE = {
    "host", "port", "dbname", "user", "password", "passfile", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl",
}  # fmt: skip


def test_every_parameter_of_libpq_is_tried_here() -> None:
    assert set(PARAMETERS) == set(SHOWN) | set(REFUSED) | ELSEWHERE


@pytest.mark.parametrize("name", SHOWN)
async def test_a_parameter_is_honoured(template: str, place: tuple[str, int], name: str) -> None:
    parameters, sql, expected = SHOWN[name]
    url = at(template, place[1], parameters)

    assert await ask(url, sql) == expected
    assert await current(url) is not None  # the migrations read the same address
    database = await open_database("default", url, DatabaseOptions())
    assert await database.connections.run(lambda connection: connection.fetchval(sql)) == expected
    await database.close()


@pytest.mark.parametrize(
    "parameters",
    [
        *(f"{name}={value}" for name, value in REFUSED.items()),
        "sslmode=no-verify", "target_session_attrs=standby", "target_session_attrs=read-only", "client_encoding=LATIN1",
        "gssencmode=require", "sslsni=0", "sslcertmode=require", "requiressl=1", "replication=database", "connect_timeout=soon",
        "load_balance_hosts=yes", "sslnegotiation=maybe", "ssl_min_protocol_version=SSLv3", "channel_binding=please",
        "min_protocol_version=3.2", "keepalives=maybe", "keepalives_idle=1.5", "tcp_user_timeout=x", "sslcompression=2",
    ],
)  # fmt: skip
async def test_what_cannot_be_honoured_is_refused_with_its_meaning(template: str, parameters: str) -> None:
    name = parameters.partition("=")[0]

    with pytest.raises(ConfigurationError, match=f"{name}=") as refused:
        database_address(at(template, 5432, parameters))

    assert PARAMETERS[name].meaning in str(refused.value)
    assert login_of(template)[1] not in str(refused.value)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ("pgbouncer=true", "MILEPOST_POOLER=true"), ("schema=public", "public"), ("sslmodes=require", "sslmode is"),
        ("ssl=true", "sslmode"), ("statement_timeout=5", "options"), ("nosuch=1", "no parameter"),
    ],
)  # fmt: skip
def test_what_libpq_does_not_know_is_told_what_it_is(parameters: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        database_address(f"postgresql://u@h/db?{parameters}")


async def test_hosts_login_and_database_may_stand_behind_the_question_mark(
    template: str, place: tuple[str, int]
) -> None:
    user, password = login_of(template)
    url = f"postgresql://?host={place[0]}&port={place[1]}&user={user}&password={password}&dbname=template_tenant"

    assert await ask(url, "SELECT current_database()") == "template_tenant"
    assert login_of(url) == (user, password)
    assert await ask(with_database(url, "postgres"), "SELECT current_database()") == "postgres"
    assert with_login(url, "other", "p@ss/#1").startswith("postgresql://other:p%40ss%2F%231@")


async def test_a_socket_folder_is_a_host(template: str, place: tuple[str, int]) -> None:
    user, password = login_of(template)
    with tempfile.TemporaryDirectory() as folder:  # a socket's path is short
        async with passed_on(place, Path(folder) / ".s.PGSQL.5432"):
            for url in (
                f"postgresql://{user}:{password}@/postgres?host={folder}",
                f"postgresql://{user}:{password}@{folder.replace('/', '%2F')}/postgres",
                f"postgresql://{user}:{password}@{folder.replace('/', '%2F')}:5432/postgres?sslmode=require",
            ):
                assert await ask(url, "SELECT current_database()") == "postgres"
                assert database_name(url) == "postgres"


async def test_a_password_may_come_from_a_file(template: str, place: tuple[str, int], tmp_path: Path) -> None:
    user, password = login_of(template)
    file = tmp_path / "passwords"
    file.write_text(f"*:*:*:{user}:{password}\n")
    file.chmod(0o600)

    assert await ask(f"postgresql://{user}@{place[0]}:{place[1]}/postgres?passfile={file}", "SELECT 1") == 1


async def test_the_next_host_is_asked_where_one_is_away_or_silent(template: str, place: tuple[str, int]) -> None:
    user, password = login_of(template)
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as gone:
        quiet, closed = silent.getsockname()[1], gone.getsockname()[1]
        gone.close()
        hosts = f"127.0.0.1:{closed},127.0.0.1:{quiet},{place[0]}:{place[1]}"
        url = f"postgresql://{user}:{password}@{hosts}/postgres?connect_timeout=1&sslmode=disable"

        assert await ask(url, "SELECT inet_server_port()") == place[1]


async def test_of_two_hosts_the_one_that_can_write_is_taken(template: str, place: tuple[str, int]) -> None:
    user, password = login_of(template)
    host = f"{place[0]}:{place[1]}"
    only_reads = "options=-c%20default_transaction_read_only%3Don&target_session_attrs=read-write"

    with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
        await connect(f"postgresql://{user}:{password}@{host},{host}/postgres?{only_reads}")


TLS = [
    # certificate, parameters, whether it is accepted, how it comes
    ("server", "sslmode=require", True, "asked"),
    ("server", "sslmode=prefer", True, "asked"),
    ("server", "sslmode=allow", True, "plain"),
    ("server", "sslmode=disable", True, "plain"),
    ("server", "sslmode=require&sslrootcert={authority}", True, "asked"),
    ("server", "sslmode=verify-ca&sslrootcert={authority}", True, "asked"),
    ("server", "sslmode=verify-full&sslrootcert={authority}", True, "asked"),
    ("server", "sslmode=require&channel_binding=require&sslrootcert={authority}", True, "asked"),
    ("other_name", "sslmode=verify-ca&sslrootcert={authority}", True, "asked"),
    ("other_name", "sslmode=verify-full&sslrootcert={authority}", False, "asked"),
    ("other_name", "sslmode=require&channel_binding=require&sslrootcert={authority}", False, "asked"),
    ("server", "sslmode=require&sslrootcert={client}", False, "asked"),
    ("server", "sslmode=verify-full&sslrootcert=system", False, "asked"),
    ("server", "sslmode=require&channel_binding=require", False, "asked"),
]


@pytest.mark.parametrize(("shown", "parameters", "accepted", "comes"), TLS)
async def test_a_certificate_is_checked_as_the_address_asks(
    template: str,
    place: tuple[str, int],
    papers: Certificates,
    shown: str,
    parameters: str,
    accepted: object,
    comes: str,
) -> None:
    async with tls_before(*place, getattr(papers, shown)) as (port, came):
        url = at(template, port, parameters.format(authority=papers.authority, client=papers.client))
        if accepted:
            assert await ask(url, "SELECT 1") == 1
        else:
            with pytest.raises(OSError, match="certificate"):
                await connect(url)

    assert came[-1] == comes


async def test_the_machines_authorities_are_those_of_the_system(
    template: str, place: tuple[str, int], papers: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(papers.authority))
    async with tls_before(*place, papers.server) as (port, _):
        assert await ask(at(template, port, "sslmode=verify-full&sslrootcert=system"), "SELECT 1") == 1


async def test_a_client_shows_its_certificate(template: str, place: tuple[str, int], papers: Certificates) -> None:
    async with tls_before(*place, papers.server, authority=papers.authority) as (port, _):
        given = f"sslmode=verify-full&sslrootcert={papers.authority}"

        assert await ask(at(template, port, f"{given}&sslcert={papers.client}&sslkey={papers.client}"), "SELECT 1") == 1
        with pytest.raises((OSError, asyncpg.PostgresConnectionError)):
            await ask(at(template, port, given), "SELECT 1")


@pytest.mark.parametrize("parameter", ["sslrootcert", "sslcert", "sslcrl"])
async def test_a_file_that_is_not_there_is_named(template: str, place: tuple[str, int], parameter: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{parameter}=/not/there"):
        await connect(at(template, place[1], f"sslmode=verify-full&{parameter}=/not/there"))


def test_what_the_process_list_shows_has_no_password() -> None:
    shown = without_password("postgresql://u:Secret1@h/db?sslpassword=Secret2&sslmode=require")

    assert shown == "postgresql://u@h/db?sslmode=require"


async def test_a_line_that_dies_without_a_word_is_noticed(template: str, place: tuple[str, int]) -> None:
    def option(connection: Any, name: int, level: int = socket.SOL_SOCKET) -> int:
        return connection._transport.get_extra_info("socket").getsockopt(level, name)

    by_default, quick, off = await asyncio.gather(
        *(
            connect(at(template, place[1], given, host="127.0.0.1"))
            for given in ("sslmode=disable", "keepalives_idle=7&keepalives_count=3", "keepalives=0")
        )
    )
    try:
        assert option(by_default, socket.SO_KEEPALIVE)
        assert option(quick, socket.TCP_KEEPIDLE, socket.IPPROTO_TCP) == 7
        assert option(quick, socket.TCP_KEEPCNT, socket.IPPROTO_TCP) == 3
        assert not option(off, socket.SO_KEEPALIVE)
    finally:
        for connection in (by_default, quick, off):
            await connection.close()
