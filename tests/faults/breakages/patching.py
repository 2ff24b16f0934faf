"""Replaces parts of the product in this process, and refuses where the product no longer has them in that form.

A breakage that a refactoring turned into nothing would look like a harness that misses it, or worse, like one that
need not catch it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

OURS = ("milepost", "workers")


class Gone(Exception):
    """The product has changed: the breakage must be written anew."""


def replace(owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Puts `make(old)` in the place of `owner.name`, also wherever it was imported by name already."""
    old = getattr(owner, name, None)
    if not callable(old):
        raise Gone(f"{owner.__name__}.{name} is not there")
    new = make(old)
    if list(inspect.signature(new).parameters) != list(inspect.signature(old).parameters):
        raise Gone(f"{owner.__name__}.{name} takes other arguments now: {inspect.signature(old)}")
    setattr(owner, name, new)
    for module in [m for key, m in sys.modules.items() if key.split(".")[0] in OURS]:
        for bound in [key for key, value in vars(module).items() if value is old]:
            setattr(module, bound, new)


def reword(owner: Any, name: str, *changes: tuple[str, str]) -> None:
    """Changes the text of a statement. Every call raises Gone where a part of it is not found."""

    def make(old: Callable[..., str]) -> Callable[..., str]:
        def reworded(*args: Any, **options: Any) -> str:
            text = old(*args, **options)
            for part, instead in changes:
                if part not in text:
                    raise Gone(f"{owner.__name__}.{name} has no {part!r}")
                text = text.replace(part, instead)
            return text

        reworded.__signature__ = inspect.signature(old)  # type: ignore[attr-defined]
        return reworded

    replace(owner, name, make)
