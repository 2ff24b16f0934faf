"""Nobody rings again for jobs that wait without a bell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from milepost.engine.reconcile import Reconcile
from tests.faults.breakages.patching import replace


def apply() -> None:
    replace(Reconcile, "tick", _nothing)


def _nothing(_: Callable[..., Any]) -> Callable[..., Any]:
    async def tick(self: Reconcile) -> int:
        del self
        return 0

    return tick
