"""Settings that are harmless on one's own machine, and weak where others are on the same network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from milepost.settings import Settings

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
    if settings.api_key_pepper is None:
        mend = "Set MILEPOST_API_KEY_PEPPER before keys are made: it revokes all that there are."
        yield "the hashes of API keys have no pepper", mend


def _postgres(url: str) -> Iterator[tuple[str, str]]:
    parts = urlsplit(url)
    given = parse_qs(parts.query)
    socket = given.get("host", [""])[0].startswith("/")
    if (parts.hostname or "") not in NEAR and not socket and given.get("sslmode", [""])[0] not in CHECKED:
        mend = "Add sslmode=verify-full and sslrootcert to the address."
        yield "PostgreSQL is elsewhere, and nobody checks its certificate", mend


def _redis(url: str) -> Iterator[tuple[str, str]]:
    parts = urlsplit(url)
    if parts.scheme == "unix" or (parts.hostname or "") in NEAR:
        return
    if parts.scheme != "rediss":
        yield "Redis is elsewhere, and bells go to it without TLS", "Use rediss:// in MILEPOST_REDIS_URL."
    if not parts.password:
        yield (
            "Redis is elsewhere, and asks for no password",
            "Give it one, or an ACL, and name it in MILEPOST_REDIS_URL.",
        )


def _readable(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False
