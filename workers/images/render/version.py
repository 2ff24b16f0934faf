"""The renderer's version: part of every cache key, and new as soon as anything that can change bytes changes."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

import numpy as np
import PIL
from PIL import features

NUMBER = 1
FONT_FOLDER = Path(__file__).resolve().parent.parent / "fonts"


def _parts() -> list[str]:
    libraries = [f"{name} {features.version(name)}" for name in ("freetype2", "zlib", "zlib_ng")]
    others = [f"pillow {PIL.__version__}", f"numpy {np.__version__}", f"anyascii {metadata.version('anyascii')}"]
    fonts = [f"{path.name} {_digest(path)}" for path in sorted(FONT_FOLDER.glob("*.ttf"))]
    return libraries + others + fonts


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _version() -> str:
    digest = hashlib.sha256("\n".join(_parts()).encode()).hexdigest()
    return f"procedural/{NUMBER}/{digest[:12]}"


VERSION = _version()
