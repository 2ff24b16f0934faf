"""The extras of the package that are not installed here, and what is missing without them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib import metadata

WITHOUT = {
    "images": "no sticker can be drawn",
    "llm": "no language model can be asked",
}


def missing_extras() -> list[str]:
    """Those of which a library is missing, by what the package says of itself."""
    return [extra for extra in WITHOUT if not all(_is_here(name) for name in libraries(extra, _requirements()))]


def mend_of_extra(extra: str) -> str:
    return f"pip install 'milepost[{extra}]'"


def libraries(extra: str, requirements: Sequence[str]) -> Iterator[str]:
    """Names of distributions, without what they require themselves."""
    for requirement in requirements:
        name = re.match(r"[\w.-]+", requirement)
        if name is not None and re.search(rf"""extra == ["']{extra}["']""", requirement):
            yield name[0]


def _requirements() -> Sequence[str]:
    try:
        return metadata.requires("milepost") or ()
    except metadata.PackageNotFoundError:  # run from a folder, uninstalled
        return ()


def _is_here(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
