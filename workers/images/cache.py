"""Pictures by the digest of everything that changes their pixels: the key, the look-up, the row."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from uuid import UUID

from milepost.db.rows import fetch
from milepost.db.tenants import TenantDatabase
from milepost.kinds.images.upkeep import image_url
from milepost.storage import NoSuchFile, Store, paths
from workers.images.port import Picture

DAY = 24 * 3600
INPUTS = (
    "prompt", "title", "character_name", "attribute", "rarity", "background_color", "effects", "style", "seed", "size",
    "format",
)  # fmt: skip
# a private picture's key holds its owner, so the condition on the owner only says so twice
FIND = """
SELECT metadata, expires_at < now() + interval '1 hour' AS closing FROM image_cache
WHERE prompt_hash = $1 AND expires_at > now() AND user_id IS NOT DISTINCT FROM $2::uuid"""


class Cached(NamedTuple):
    """What a row of the cache says of its picture. `closing`: the row will soon be gone."""

    sha256: str
    width: int
    height: int
    seed: int
    version: str
    closing: bool


@dataclass(frozen=True, slots=True)
class Key:
    """`owner` is set when the picture is its owner's alone, because a picture of theirs went into it."""

    digest: str
    owner: UUID | None


def key_of(data: Mapping[str, Any], source: bytes | None, version: str, user_id: UUID) -> Key:
    inputs = {name: _normal(data[name]) for name in INPUTS}
    inputs["renderer"] = version
    if source is not None:
        inputs |= {"source": hashlib.sha256(source).hexdigest(), "owner": str(user_id)}
    canonical = json.dumps(inputs, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Key(hashlib.sha256(canonical.encode()).hexdigest(), None if source is None else user_id)


def digest(png: bytes) -> str:
    return hashlib.sha256(png).hexdigest()


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value).strip()
    if isinstance(value, Mapping):
        return {name: _normal(member) for name, member in cast("Mapping[str, Any]", value).items()}
    return value


async def find(database: TenantDatabase, key: Key) -> Cached | None:
    """What the cache says; whether the picture is still there is for `unharmed` to tell."""
    rows = await fetch(database, FIND, key.digest, key.owner)
    if not rows:
        return None
    known = json.loads(rows[0]["metadata"])
    return Cached(
        known["sha256"], known["width"], known["height"], known["seed"], known["renderer_version"], rows[0]["closing"]
    )


async def unharmed(store: Store, tenant: str, cached: Cached) -> bool:
    """Whether the file is there with the bytes it had. Raises StoreRefused when the store does not answer.

    The file of a row that will soon be gone is written again: the sweep must find it young.
    """
    path = paths.image_file(tenant, cached.sha256)
    try:
        found = await store.digest(path)
        if found.sha256 == cached.sha256 and cached.closing:
            await store.put(path, await store.read_all(path, sha256=cached.sha256), replace=True)
    except NoSuchFile:
        return False
    return found.sha256 == cached.sha256


def metadata(picture: Picture, sha256: str) -> str:
    return json.dumps(
        {
            "sha256": sha256,
            "width": picture.width,
            "height": picture.height,
            "seed": picture.seed,
            "renderer_version": picture.version,
        }
    )


def row(key: Key, picture: Picture, sha256: str, *, seconds: float, replaces: bool) -> tuple[Any, ...]:
    """The values of the statement `image_cache`, after the task's id."""
    return (
        key.digest, image_url(sha256), metadata(picture, sha256), key.owner, seconds, key.digest if replaces else None,
    )  # fmt: skip
