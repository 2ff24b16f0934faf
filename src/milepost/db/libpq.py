"""What each parameter of a PostgreSQL address means to libpq, and what becomes of it here.

Source: PostgreSQL 18, "Parameter Key Words" of libpq. Whatever libpq does not know is refused, with a word for what
other drivers read there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Way = Literal["login", "driver", "server", "here", "nothing"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """`way`: who makes it true. `fits` says which values can be honoured; `otherwise` what to do about the rest."""

    meaning: str
    way: Way = "nothing"
    fits: Callable[[str], bool] = lambda _: True
    otherwise: str = "Leave it out."


def one_of(*values: str) -> Callable[[str], bool]:
    return lambda value: value in values


def never(_: str) -> bool:
    return False


def _whole(value: str) -> bool:
    return value.isascii() and value.lstrip("-").isdigit()


NO_KERBEROS = "The driver speaks no Kerberos encryption: use sslmode=verify-full."
TLS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
PARAMETERS: Mapping[str, Parameter] = {
    "host": Parameter("names, addresses or socket folders, with commas between", "login"),
    "hostaddr": Parameter("an address to connect to, instead of looking up the host", fits=never, otherwise="Name the address as the host."),
    "port": Parameter("one port, or one for each host", "login"),
    "dbname": Parameter("the database", "login"),
    "user": Parameter("the login", "login"),
    "password": Parameter("its password", "login"),
    "passfile": Parameter("a file of passwords, read where the address has none", "driver"),
    "connect_timeout": Parameter("seconds until the next host is tried; 0 is without end, which here is 10 s", "here", _whole, "Give whole seconds."),
    "target_session_attrs": Parameter("which of the hosts is taken", "driver", one_of("any", "read-write", "primary"), "Milepost writes: read-write or primary takes the host that can."),
    "load_balance_hosts": Parameter("whether hosts are tried in random order", "here", one_of("disable", "random"), "disable or random."),
    "application_name": Parameter("how the connection is called in pg_stat_activity", "server"),
    "fallback_application_name": Parameter("the same, where application_name is not given", "here"),
    "options": Parameter("settings of the session, like -c search_path=…, or a host's own, like Neon's endpoint=…", "server"),
    "client_encoding": Parameter("the encoding of texts", fits=lambda value: value.lower().replace("-", "") in {"utf8", "unicode", "auto"}, otherwise="Milepost speaks UTF8."),
    "keepalives": Parameter("whether the line is probed while nothing is said; 1 by default", "here", one_of("0", "1"), "0 or 1."),
    "keepalives_idle": Parameter("seconds of silence before the first probe", "here", _whole, "Give whole seconds."),
    "keepalives_interval": Parameter("seconds between probes", "here", _whole, "Give whole seconds."),
    "keepalives_count": Parameter("probes without an answer until the line is given up", "here", _whole, "Give a whole number."),
    "tcp_user_timeout": Parameter("milliseconds until data that nobody confirms end the connection", "here", _whole, "Give whole milliseconds."),
    "sslmode": Parameter("whether there is TLS, and what of the certificate is checked", "driver", one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"), "disable, allow, prefer, require, verify-ca or verify-full."),
    "sslrootcert": Parameter("a file of authorities; `system` takes those of the machine, and checks in full", "driver"),
    "sslcert": Parameter("a file with the client's certificate", "driver"),
    "sslkey": Parameter("a file with its key", "driver"),
    "sslpassword": Parameter("the password of that key", "driver"),
    "sslcrl": Parameter("a file of revoked certificates", "driver"),
    "sslcrldir": Parameter("a folder of revoked certificates", fits=never, otherwise="Name one file in sslcrl."),
    "sslnegotiation": Parameter("whether TLS begins at once, without asking first (PostgreSQL 17)", "driver", one_of("postgres", "direct"), "postgres or direct."),
    "ssl_min_protocol_version": Parameter("the oldest TLS that is accepted; TLSv1.2 by default", "driver", one_of(*TLS), f"{', '.join(TLS)}."),
    "ssl_max_protocol_version": Parameter("the newest TLS that is accepted", "driver", one_of(*TLS), f"{', '.join(TLS)}."),
    "sslsni": Parameter("whether the host's name is told before TLS begins", fits=one_of("1"), otherwise="The driver always tells it."),
    "sslcompression": Parameter("compression inside TLS, which servers no longer offer", fits=one_of("0", "1")),
    "sslcertmode": Parameter("whether a certificate of the client is shown", fits=one_of("allow"), otherwise="The driver shows the one there is."),
    "sslkeylogfile": Parameter("where the keys of TLS are written, for debugging", fits=never),
    "requiressl": Parameter("the old word for sslmode=require", fits=one_of("0"), otherwise="Use sslmode=require."),
    "channel_binding": Parameter("whether the login is tied to the TLS connection, so that nobody stands between; where it is required, the certificate is checked in full instead, which shows the same", "here", one_of("disable", "prefer", "require"), "disable, prefer or require."),
    "require_auth": Parameter("which ways to log in are accepted", fits=never, otherwise="Let pg_hba.conf name one way, and check the server by sslmode=verify-full."),
    "requirepeer": Parameter("which system user the server on a socket must be", fits=never, otherwise="Keep the socket in a folder that only that user can write."),
    "gssencmode": Parameter("whether Kerberos encrypts the connection", fits=one_of("disable", "prefer"), otherwise=NO_KERBEROS),
    "krbsrvname": Parameter("the service's name for a login by Kerberos", "driver"),
    "gsslib": Parameter("which library logs in by Kerberos", "driver", one_of("gssapi", "sspi"), "gssapi or sspi."),
    "gssdelegation": Parameter("whether the Kerberos ticket is passed on", fits=one_of("0"), otherwise="The driver passes none on."),
    "replication": Parameter("a connection that copies changes", fits=one_of("false", "off", "no", "0"), otherwise="Milepost asks statements."),
    "min_protocol_version": Parameter("the oldest protocol that is accepted", fits=one_of("3.0"), otherwise="The driver speaks 3.0."),
    "max_protocol_version": Parameter("the newest protocol that is asked for", fits=one_of("3.0", "3.2", "latest")),
    "scram_client_key": Parameter("a key to log in without the password", fits=never, otherwise="Give the password."),
    "scram_server_key": Parameter("a key that the server's answer is checked with", fits=never, otherwise="Give the password."),
    "service": Parameter("a section of a file that holds the rest of the address", fits=never, otherwise="Write the address out."),
    "servicefile": Parameter("that file", fits=never, otherwise="Write the address out."),
    **{
        f"oauth_{name}": Parameter("a login by OAuth", fits=never, otherwise="Use a password or a certificate.")
        for name in ("issuer", "client_id", "client_secret", "scope")
    },
}  # fmt: skip
# what other drivers read in an address
ELSEWHERE: Mapping[str, str] = {
    "pgbouncer": "Prisma's word for a pooler: set MILEPOST_POOLER=true instead.",
    "connection_limit": "Prisma's: Milepost bounds its connections itself.",
    "pool_timeout": "Prisma's: Milepost bounds its connections itself.",
    "pool_size": "SQLAlchemy's: Milepost bounds its connections itself.",
    "prepared_statement_cache_size": "SQLAlchemy's: set MILEPOST_POOLER=true behind a pooler instead.",
    "prepareThreshold": "Java's: set MILEPOST_POOLER=true behind a pooler instead.",
    "schema": "Prisma's: Milepost's tables lie in public.",
    "currentSchema": "Java's: Milepost's tables lie in public.",
    "ssl": "the word of other drivers: use sslmode=require, or better verify-full.",
    "sslaccept": "Prisma's: use sslmode=verify-full.",
    "sslidentity": "Prisma's: use sslcert and sslkey.",
    "uselibpqcompat": "node-postgres': sslmode means here what it means to libpq.",
    "supa": "Supabase's own: leave it out.",
    "statement_timeout": "no word of an address: write options=-c%20statement_timeout=…",
    "search_path": "no word of an address: Milepost's tables lie in public.",
    "database": "a word of other drivers: use dbname, or the path.",
}


def check(parameters: Mapping[str, str]) -> None:
    """Raises ValueError for the first that cannot be honoured, with what it means."""
    for name, value in parameters.items():
        known = PARAMETERS.get(name)
        if known is None:
            raise ValueError(_unknown(name))
        if not known.fits(value):
            # a password never has a value that does not fit
            raise ValueError(f"{name}={value} cannot be honoured ({known.meaning}): {known.otherwise}")


def _unknown(name: str) -> str:
    if told := ELSEWHERE.get(name):
        return f"{name} is {told}"
    near = get_close_matches(name, PARAMETERS, n=1)
    return f"{name} is no parameter of a PostgreSQL address{f': {near[0]} is' if near else ''}"
