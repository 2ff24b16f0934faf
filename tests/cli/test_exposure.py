"""What `milepost doctor` calls weak: each setting by itself, and nothing of a stack on one's own machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from milepost.cli.exposure import weaknesses
from milepost.settings import Settings

NEAR = {"database_url": "postgresql://a:b@127.0.0.1/a", "redis_url": "redis://localhost:6379/0"}
SAFE = {
    "mode": "production",
    "api_key_pepper": "p",
    "database_url": "postgresql://a:b@db.example/a?sslmode=verify-full",
    "redis_url": "rediss://:secret@redis.example/0",
}


def told(folder: Path, **given: Any) -> list[str]:
    return [what for what, _ in weaknesses(Settings(data_dir=folder, **given))]


def test_nobody_is_believed_to_be_a_proxy_unless_a_setting_names_him() -> None:
    assert Settings().trusted_proxies is None


def test_a_stack_on_ones_own_machine_and_a_careful_one_elsewhere_are_not_weak(tmp_path: Path) -> None:
    assert told(tmp_path, **NEAR) == []
    assert told(tmp_path, **SAFE) == []
    assert told(tmp_path, database_url="postgresql:///a?host=/run/postgresql", redis_url="unix:///run/redis") == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"host": "0.0.0.0"}, "TLS"),
        ({"trusted_proxies": "*"}, "proxy"),
        ({"allow_http_callbacks": True}, "http"),
        ({"url_exceptions": "localhost:9000"}, "inner hosts"),
        ({"api_key_pepper": None}, "pepper"),
        ({"database_url": "postgresql://a:b@db.example/a"}, "certificate"),
        ({"database_url": "postgresql://a:b@db.example/a?sslmode=require"}, "certificate"),
        ({"redis_url": "redis://:secret@redis.example/0"}, "TLS"),
        ({"redis_url": "rediss://redis.example/0"}, "password"),
    ],
)
def test_each_weak_setting_is_named_without_its_secret(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    (found,) = told(tmp_path, **{**SAFE, **change})

    assert word in found
    assert "secret" not in found


def test_a_master_key_that_others_may_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_text("0" * 64)
    (tmp_path / "master.key").chmod(0o644)

    assert told(tmp_path, **SAFE) == ["others on this machine may read the master key"]
