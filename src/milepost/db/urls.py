"""One database address in the two spellings its readers want. An address holds a password: never print one."""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit, urlunsplit

from milepost.domain.errors import ConfigurationError


def plain_url(url: str) -> str:
    """`postgresql://…`, as asyncpg and psql read it. Raises ConfigurationError for another scheme."""
    scheme, rest = url.split("://", 1) if "://" in url else ("", url)
    if scheme.split("+")[0] not in {"postgresql", "postgres"}:
        raise ConfigurationError(f"A database address must begin with postgresql://, not {scheme or '(nothing)'}://.")
    return f"postgresql://{rest}"


def sqlalchemy_url(url: str) -> str:
    return plain_url(url).replace("postgresql://", "postgresql+asyncpg://", 1)


def with_database(url: str, name: str) -> str:
    parts = urlsplit(plain_url(url))
    return urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))


def with_login(url: str, user: str, password: str) -> str:
    parts = urlsplit(plain_url(url))
    host = parts.netloc.rpartition("@")[2]
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    return urlunsplit((parts.scheme, f"{login}@{host}", parts.path, parts.query, ""))


def login_of(url: str) -> tuple[str, str]:
    """User and password."""
    parts = urlsplit(plain_url(url))
    return unquote(parts.username or ""), unquote(parts.password or "")


def without_login(url: str) -> str:
    """Host, port and database: what tells two databases apart, whoever connects."""
    parts = urlsplit(plain_url(url))
    return f"{parts.hostname or ''}:{parts.port or 5432}{parts.path}"


def database_name(url: str) -> str:
    return unquote(urlsplit(plain_url(url)).path.lstrip("/"))
