"""Which of a job's files are pictures, and where they lie."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from milepost.engine.artifacts import LIVE, Artifact
from milepost.storage import paths

# what a browser draws and cannot be run by: no SVG
DRAWN = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif", "image/avif"})
IMAGE_FILE = re.compile(r"/v1/image_files/(?P<sha256>[0-9a-f]{64})\.png")


@dataclass(frozen=True, slots=True)
class Picture:
    """`url`: where the dashboard serves it. `width`, `height` where they are known."""

    url: str
    name: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """The picture that a job's result names, as it is stored."""

    path: str
    sha256: str


def drawn_by(tenant: str, answer: Mapping[str, Any]) -> Drawn | None:
    result = answer.get("result")
    url = result.get("image_url") if isinstance(result, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    match = IMAGE_FILE.fullmatch(url) if isinstance(url, str) else None
    if match is None:
        return None
    sha256 = match["sha256"]
    return Drawn(paths.image_file(tenant, sha256), sha256)


def pictures_of(tenant: str, answer: Mapping[str, Any], artifacts: Sequence[Artifact]) -> list[Picture]:
    found: list[Picture] = []
    if drawn_by(tenant, answer) is not None:
        result = answer["result"]
        found.append(Picture(f"/jobs/{answer['id']}/picture", "The picture", result.get("width"), result.get("height")))
    found += [
        Picture(f"/artifacts/{artifact.id}/picture", artifact.row["file_name"])
        for artifact in artifacts
        if artifact.status in LIVE and artifact.row["mime_type"] in DRAWN
    ]
    return found
