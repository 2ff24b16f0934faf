"""Named figures, the ratios between them, and what is aimed at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from benchmarks.speed import Speed

# told which share of a long step is done
Tell = Callable[[float], None]

PEERS = ("pgqueuer", "procrastinate", "saq_redis", "saq_postgres", "oban", "dbos")

# ratio: its two sides
RATIOS: dict[str, tuple[str, str]] = {
    "drain.ratio": ("drain.jobs_per_s", "drain.ceiling_per_s"),
    "drain.default_ratio": ("drain.default_per_s", "drain.ceiling_per_s"),
    "drain.schema_ratio": ("drain.ceiling_per_s", "drain.lean_ceiling_per_s"),
    "drain.arq_ratio": ("drain.jobs_per_s", "drain.arq_per_s"),
    "drain_200k.ratio": ("drain_200k.jobs_per_s", "drain_200k.ceiling_per_s"),
    "drain_2w.ratio": ("drain_2w.jobs_per_s", "drain_2w.ceiling_per_s"),
    "drain_2w.to_one_worker": ("drain_2w.jobs_per_s", "drain_2w.one_worker_per_s"),
    "submit.bulk_ratio": ("submit.bulk_per_s", "submit.ceiling_per_s"),
    "submit.concurrent_ratio": ("submit.concurrent_per_s", "submit.ceiling_per_s"),
    "submit.http_ratio": ("submit.http_per_s", "submit.http_bare_per_s"),
    "submit.http_batch_ratio": ("submit.http_batch_per_s", "submit.ceiling_per_s"),
    "pickup.p50_ratio": ("pickup.p50_ms", "pickup.floor_ms"),
    "pickup.p99_ratio": ("pickup.p99_ms", "pickup.floor_ms"),
    "pickup.p50_smallest_ratio": ("pickup.p50_ms", "pickup.floor_smallest_ms"),
    "pickup.p99_smallest_ratio": ("pickup.p99_ms", "pickup.floor_smallest_ms"),
    **{f"peers.{name}.ratio": ("peers.milepost.drain_per_s", f"peers.{name}.drain_per_s") for name in PEERS},
}
AT_LEAST: dict[str, float] = {
    "drain.ratio": 0.8,
    "drain.schema_ratio": 0.8,
    "drain.arq_ratio": 5.0,
    "drain_200k.ratio": 0.8,
    "submit.bulk_ratio": 0.8,
    "submit.concurrent_ratio": 0.4,
    "submit.http_ratio": 0.5,
    "growth.drain_ratio": 0.8,
    "peers.pgqueuer.ratio": 1.0,
    "peers.procrastinate.ratio": 10.0,
    "peers.dbos.ratio": 10.0,
}
AT_MOST: dict[str, float] = {
    "pickup.p50_ratio": 1.5,
    "pickup.p99_ratio": 3.0,
    "pickup.p50_smallest_ratio": 1.5,
    "pickup.p99_smallest_ratio": 3.0,
    "idle.cpu_share": 0.01,
    "idle.redis_commands_per_s": 10.0,
    "memory.growth_mb": 5.0,
    "growth.large_list_p99_ms": 50.0,
    "growth.large_slowest_list_p99_ms": 50.0,
    "growth.large_one_p99_ms": 50.0,
    "growth.large_summary_p99_ms": 50.0,
}


@dataclass
class Figures:
    """What each pass found, by name; `failed` names what could not be measured, and why.

    A figure is the median of its passes. A ratio is the median of what each pass gave for it, for both of its sides
    were measured within a minute there, and a shared machine is another one an hour later.
    """

    passes: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    failed: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, found: Mapping[str, float]) -> None:
        for name, value in found.items():
            self.passes.setdefault(name, []).append(value)

    def add_speed(self, name: str, speed: Speed) -> None:
        """`room.what_per_s`, and what a job cost as `room.what_<program>_us` of CPU."""
        what = name.removesuffix("_per_s")
        self.add({name: speed.per_s} | {f"{what}_{program}_us": us for program, us in speed.cpu_us.items()})

    def all(self) -> dict[str, float]:
        found = {name: median(values) for name, values in self.passes.items()}
        for name, (top, bottom) in RATIOS.items():
            if ratios := self._ratios(top, bottom):
                found |= {name: median(ratios), f"{name}_least": min(ratios), f"{name}_most": max(ratios)}
        return found

    def _ratios(self, top: str, bottom: str) -> list[float]:
        """None, where a pass failed for one of the sides: which stood beside which is not known then."""
        tops, bottoms = self.passes.get(top, []), self.passes.get(bottom, [])
        if len(tops) != len(bottoms):
            return []
        return [one / other for one, other in zip(tops, bottoms, strict=True) if other]


def is_missed(name: str, value: float) -> bool:
    if name in AT_LEAST:
        return value < AT_LEAST[name]
    return value > AT_MOST.get(name, float("inf"))


def aim(name: str) -> str:
    if name in AT_LEAST:
        return f"≥ {AT_LEAST[name]:g}"
    return f"≤ {AT_MOST[name]:g}" if name in AT_MOST else ""
