"""A kind's state machine as one table of edges; everything else (triggers, docs, answers, tests) is derived from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from milepost.domain.errors import IllegalTransition


class Phase(StrEnum):
    """What a status means to somebody who does not know the kind."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self in TERMINAL


TERMINAL = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED})


class By(StrEnum):
    """Who may take an edge."""

    PRODUCER = "producer"
    WORKER = "worker"
    MAINTENANCE = "maintenance"


class Guard(StrEnum):
    """What must still hold, beside id, version and status, at the instant of the write."""

    DUE = "due"
    NO_CANCEL = "no_cancel"
    CANCEL_REQUESTED = "cancel_requested"
    LEASE_EXPIRED = "lease_expired"
    UNHELD = "unheld"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """One legal change of status. `from_status` is empty for the creation of a job.

    Edges are compared by identity: a kind's machine holds the only instance of each.
    """

    from_status: str
    to_status: str
    reason: str
    by: By
    guards: frozenset[Guard] = frozenset()


@dataclass(frozen=True, slots=True)
class StateMachine:
    """The statuses of one kind with their phases, and its edges.

    `running` is the status a claim leads to; `timed_out` where time running out ends (FAILED where a kind has no
    status of its own for it).
    """

    kind: str
    phases: Mapping[str, Phase]
    edges: tuple[Edge, ...]
    queued: str
    running: str
    failed: str
    cancelled: str
    timed_out: str
    _by_pair: Mapping[tuple[str, str, str, By], Edge] = field(init=False, repr=False, compare=False)
    _by_reason: Mapping[tuple[str, str, By], Edge | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        table = {(e.from_status, e.to_status, e.reason, e.by): e for e in self.edges}
        unknown = {s for e in self.edges for s in (e.from_status, e.to_status) if s and s not in self.phases}
        if unknown or len(table) != len(self.edges):
            raise ValueError(f"{self.kind}: unknown statuses {sorted(unknown)} or an edge that stands twice")
        object.__setattr__(self, "_by_pair", MappingProxyType(table))
        object.__setattr__(self, "_by_reason", MappingProxyType(_unambiguous(self.edges)))

    def phase(self, status: str) -> Phase:
        return self.phases[status]

    def terminal(self, status: str) -> bool:
        return self.phases[status] in TERMINAL

    def statuses(self, *phases: Phase) -> tuple[str, ...]:
        return tuple(status for status, phase in self.phases.items() if phase in phases)

    def pairs(self) -> frozenset[tuple[str, str]]:
        """Every legal (from, to), creation included: the rows of `legal_transitions`."""
        return frozenset((e.from_status, e.to_status) for e in self.edges)

    def edge(self, from_status: str, to_status: str, reason: str, by: By) -> Edge:
        """Raises IllegalTransition where the machine has no such edge for that actor."""
        found = self._by_pair.get((from_status, to_status, reason, by))
        if found is None:
            raise IllegalTransition(kind=self.kind, status=from_status, wanted=f"{to_status} ({reason})")
        return found

    def find(self, from_status: str, reason: str, by: By) -> Edge | None:
        """The edge of that name from a status, if there is exactly one to take."""
        return self._by_reason.get((from_status, reason, by))

    def mermaid(self) -> str:
        """The diagram of docs/states.md."""
        return "\n".join(["stateDiagram-v2", *self._arrows()])

    def _arrows(self) -> Iterator[str]:
        labels: dict[tuple[str, str], list[str]] = {}
        for e in self.edges:
            reasons = labels.setdefault((e.from_status, e.to_status), [])
            if e.reason not in reasons:
                reasons.append(e.reason)
        for (start, end), reasons in labels.items():
            yield f"    {start or '[*]'} --> {end}: {', '.join(reasons)}"
        for status, phase in self.phases.items():
            if phase is Phase.SUCCEEDED:
                yield f"    {status} --> [*]"


def _unambiguous(edges: tuple[Edge, ...]) -> dict[tuple[str, str, By], Edge | None]:
    found: dict[tuple[str, str, By], Edge | None] = {}
    for edge in edges:
        key = (edge.from_status, edge.reason, edge.by)
        found[key] = None if key in found else edge
    return found


def common_edges(
    *,
    queued: str,
    running: tuple[str, ...],
    succeeded: str,
    failed: str,
    cancelled: str,
    timed_out: str,
) -> tuple[Edge, ...]:
    """The edges that every kind has, with the reason codes and guards they share. A kind adds its own.

    `running` lists all statuses of phase running; a claim leads to the first, success leaves the last.
    """
    edges = [
        Edge("", queued, "created", By.PRODUCER),
        Edge(queued, running[0], "claimed", By.WORKER, frozenset({Guard.DUE})),
        Edge(running[-1], succeeded, "completed", By.WORKER),
        Edge(queued, cancelled, "cancelled", By.PRODUCER),
        Edge(queued, timed_out, "timed_out", By.MAINTENANCE, frozenset({Guard.OVERDUE})),
        Edge(queued, failed, "user_inactive", By.MAINTENANCE),
        Edge(queued, cancelled, "cancelled", By.MAINTENANCE),
    ]
    for status in running:
        edges += _leaving_running(status, queued, failed, cancelled, timed_out)
    for status in dict.fromkeys((failed, timed_out, cancelled)):
        edges.append(Edge(status, queued, "retry", By.PRODUCER))
    return tuple(edges)


def _leaving_running(status: str, queued: str, failed: str, cancelled: str, timed_out: str) -> list[Edge]:
    no_cancel = frozenset({Guard.NO_CANCEL})
    lost = frozenset({Guard.NO_CANCEL, Guard.LEASE_EXPIRED})
    return [
        Edge(status, failed, "failed", By.WORKER, no_cancel),
        Edge(status, queued, "retry_attempt", By.WORKER, no_cancel),
        Edge(status, queued, "handed_back", By.WORKER, no_cancel),
        Edge(status, queued, "snoozed", By.WORKER, no_cancel),
        Edge(status, timed_out, "timed_out", By.WORKER, no_cancel),
        Edge(status, timed_out, "timed_out", By.MAINTENANCE, frozenset({Guard.NO_CANCEL, Guard.OVERDUE})),
        Edge(status, cancelled, "cancelled", By.WORKER),
        Edge(status, cancelled, "cancelled", By.MAINTENANCE, frozenset({Guard.CANCEL_REQUESTED, Guard.UNHELD})),
        Edge(status, queued, "lease_expired", By.MAINTENANCE, lost),
        Edge(status, failed, "lease_expired", By.MAINTENANCE, lost),
    ]
