"""Deliberate breakages of the product: a harness that finds none of them proves nothing when it finds nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.faults.process import PRODUCT

RUN = Path(__file__).parent / "run.py"


@dataclass(frozen=True, slots=True)
class Breakage:
    """What is broken, and the invariant (its number) that must not hold then."""

    broken: str
    caught_by: str


BREAKAGES: Mapping[str, Breakage] = {
    "no_version_predicate": Breakage("moves, beats and notes ask neither for the version nor for the lease", "I11"),
    "no_rescuer": Breakage("nobody looks for jobs whose worker went silent", "I2"),
    "bell_before_commit": Breakage("a submit rings before its commit, and nobody reconciles", "I2"),
    "acknowledge_before_commit": Breakage("a submit is answered before its commit", "I1"),
    "no_unique_key": Breakage("an idempotency key is looked up and then inserted, without a UNIQUE index", "I8"),
    "ids_in_reverse": Breakage("a batch is answered with the ids of its jobs in reverse", "I1"),
    "output_of_another": Breakage("an execution keeps the answer that the one before it was given", "I10"),
    "late_notes_and_beats": Breakage("beats and notes ask neither for the version nor for the lease; moves do", "I11"),
}
# the half of a breakage that its faults do not show alone: what they show is the other half
HALVES: Mapping[str, str] = {"no_reconciler": "bell_before_commit"}


def product(breakage: str | None = None) -> Sequence[str]:
    """The arguments of `python` that run the command `milepost`, as it is or broken."""
    if breakage is None:
        return PRODUCT
    return ("-P", str(RUN), known(breakage))


def known(name: str) -> str:
    """Raises ValueError."""
    if name not in BREAKAGES and name not in HALVES:
        raise ValueError(f"no breakage {name!r}; there are {', '.join(BREAKAGES)}")
    return name


async def prepare(name: str, owner: Any) -> None:
    """The part of a breakage that is done to the database, by its owner's connection, where it has one."""
    module = import_module(f"{__name__}.{known(name)}")
    if hasattr(module, "prepare"):
        await module.prepare(owner)
