"""Settings that are harmless on one's own machine, and weak where others are on the same network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from milepost.db.connecting import in_full
from milepost.db.urls import database_address
from milepost.domain.address import read_address
from milepost.settings import ADDRESSES, Settings

NEAR = frozenset({"127.0.0.1", "::1", "localhost", ""})
CHECKED = frozenset({"verify-full", "verify-ca"})


def weaknesses(settings: Settings) -> Iterator[tuple[str, str]]:
    """What is weak, and what to do about it."""
    if settings.host not in NEAR:
        mend = "Put a proxy with TLS before it, let the API listen on 127.0.0.1, name the proxy in MILEPOST_TRUSTED_PROXIES."
        yield f"the API listens on {settings.host} and speaks no TLS", mend
    if "*" in (settings.trusted_proxies or ""):
        yield "every address is believed to be a proxy", "Name your own proxies in MILEPOST_TRUSTED_PROXIES."
    if settings.mode == "production":
        yield from _in_production(settings)
    if settings.database_url is not None:
        yield from _postgres(settings.database_url.get_secret_value())
    if settings.redis_url is not None:
        yield from _redis(settings.redis_url.get_secret_value())
    key = settings.master_key_file or settings.data_dir / "master.key"
    if settings.master_key is None and _readable(key):
        yield "others on this machine may read the master key", f"chmod 600 {key}"


def _in_production(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.allow_http_callbacks:
        yield "callback URLs may be http", "Leave MILEPOST_ALLOW_HTTP_CALLBACKS unset."
    if settings.url_exceptions is not None:
        yield "callback URLs may name inner hosts", "Leave MILEPOST_URL_EXCEPTIONS unset."
    if settings.api_key_pepper is None:
        mend = "Set MILEPOST_API_KEY_PEPPER before keys are made: it revokes all that there are."
        yield "the hashes of API keys have no pepper", mend


def _postgres(url: str) -> Iterator[tuple[str, str]]:
    address = database_address(url)
    away = [host for host, _ in address.hosts if host not in NEAR and not host.startswith("/")]
    given = address.parameters
    checked = given.get("sslmode") in CHECKED or in_full(given)
    if away and not checked:
        mend = "Add sslmode=verify-full and sslrootcert (a file, or system) to the address."
        yield "PostgreSQL is elsewhere, and nobody checks its certificate", mend
    if len(address.hosts) > 1 and given.get("target_session_attrs", "any") == "any":
        mend = "Add target_session_attrs=read-write to the address."
        yield "PostgreSQL's address names several hosts, and one that only reads may be taken", mend


def _redis(url: str) -> Iterator[tuple[str, str]]:
    address = read_address(url, schemes=ADDRESSES["redis_url"], what="MILEPOST_REDIS_URL")
    if address.scheme == "unix" or all(host in NEAR for host, _ in address.hosts):
        return
    if address.scheme != "rediss":
        yield "Redis is elsewhere, and bells go to it without TLS", "Use rediss:// in MILEPOST_REDIS_URL."
    if not (address.password or address.parameters.get("password")):
        yield (
            "Redis is elsewhere, and asks for no password",
            "Give it one, or an ACL, and name it in MILEPOST_REDIS_URL.",
        )


def _readable(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False
