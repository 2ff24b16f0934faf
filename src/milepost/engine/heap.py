"""How a process that serves jobs keeps the garbage collector out of its way."""

from __future__ import annotations

import gc


def settle_heap() -> None:
    """Once a process is set up: what lives for ever is never looked at again by the garbage collector.

    A full collection stops every request and attempt for as long as it takes to walk the heap. Neither leaves cycles
    behind, so the young objects are looked at after tens of thousands of new ones, not after hundreds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
