"""Milepost tracks long-running jobs: every step is decided by rules, fenced by a version and recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from milepost.client import ApiError, Client, Event, Execution, Job, Transition

__version__ = "0.1.0"
__all__ = ["ApiError", "Client", "Event", "Execution", "Job", "Transition", "__version__"]


def __getattr__(name: str) -> Any:
    """The client's names, imported when first used: servers and workers never need them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - kept out of the namespace

    return getattr(import_module("milepost.client"), name)
