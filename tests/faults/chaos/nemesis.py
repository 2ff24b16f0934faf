"""Does what the plan says, and remembers when."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from tests.faults.chaos import on_lines, on_postgres, on_processes, on_redis
from tests.faults.chaos.plan import Fault
from tests.faults.chaos.stage import NotDone, Stage

Deed = Callable[[Stage, Fault], Awaitable[None]]
DEEDS: Mapping[str, Deed] = {
    "kill": on_processes.kill,
    "term": on_processes.term,
    "stop past the lease": on_processes.freeze,
    "stop briefly": on_processes.freeze,
    "crash postgres": on_postgres.crash,
    "terminate backends": on_postgres.terminate,
    "stop a backend": on_postgres.stop_backend,
    "fail commits": on_postgres.fail_commits,
    "lock a table": on_postgres.lock_table,
    "flush redis": on_redis.flush,
    "kill redis": on_redis.kill,
    "empty redis": on_redis.empty,
    "hang redis": on_redis.hang,
    "pause redis clients": on_redis.pause,
    "fill redis": on_redis.fill,
    "cut line": on_lines.cut,
    "refuse line": on_lines.refuse,
    "delay line": on_lines.delay,
    "blackhole line": on_lines.blackhole,
    "blackhole answers": on_lines.hold_answers,
    "lose answers": on_lines.lose_answers,
    "double bells": on_redis.double_bells,
    "stale bells": on_redis.stale_bells,
    **dict.fromkeys(
        ("handler raises", "handler hangs", "handler blocks", "handler exits", "handler eats memory"),
        on_processes.misbehave,
    ),
}


@dataclass(frozen=True, slots=True)
class Done:
    """A fault that was done; times are seconds since the epoch."""

    fault: Fault
    began: float
    healed: float


@dataclass
class Nemesis:
    """`done` grows while it works; `failed` are faults that could not be done, with the reason."""

    stage: Stage
    done: list[Done] = field(default_factory=list)
    failed: list[tuple[Fault, str]] = field(default_factory=list)

    async def work(self, faults: Sequence[Fault]) -> None:
        """Returns when the last one is over."""
        start, deeds = time.monotonic(), set[asyncio.Task[None]]()
        one_at_a_time = {target: asyncio.Lock() for target in {fault.target for fault in faults}}
        try:
            for fault in faults:
                await asyncio.sleep(max(0.0, start + fault.at - time.monotonic()))
                deed = asyncio.create_task(self._do(fault, one_at_a_time[fault.target]))
                deeds.add(deed)
                deed.add_done_callback(deeds.discard)
            await asyncio.gather(*deeds)
        finally:
            for deed in deeds:
                deed.cancel()

    async def _do(self, fault: Fault, alone: asyncio.Lock) -> None:
        async with alone:
            began, why = time.time(), None
            try:
                await DEEDS[fault.name](self.stage, fault)
            except Exception as error:  # noqa: BLE001 - one that could not be done is not counted, and told
                why = str(error) if isinstance(error, NotDone) else repr(error)
                self.failed.append((fault, why))
            else:
                self.done.append(Done(fault, began, time.time()))
            self._write(fault, began, why)

    def _write(self, fault: Fault, began: float, why: str | None) -> None:
        told = {**asdict(fault), "began": round(began, 3), "healed": round(time.time(), 3), "not_done": why}
        with (self.stage.site.folder / "faults.jsonl").open("a") as file:
            file.write(json.dumps(told) + "\n")

    def heal(self) -> None:
        """What a fault that failed half-way may have left."""
        for line in self.stage.lines.values():
            line.heal()
