"""Draws in processes of its own, so that an event loop never waits for a drawing and a bad picture harms nobody else."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from milepost.net.child_process import ChildProcess
from workers.images.render import wire
from workers.images.render.source import SourceRefused
from workers.images.render.spec import Rendered, StickerSpec

Hear = Callable[[int, str], Awaitable[None] | None]
"""Told the progress and the stage, in the event loop."""


class RenderFailed(Exception):
    """No picture, and not the source image's fault; another attempt may succeed."""


class RenderPool:
    """At most `processes` drawings at a time, one by default for each core; the others wait in line.

    Cancelling a `render` kills its process; the next drawing in line starts another. `memory_mb` bounds the address
    space of each process and `cpu_seconds` the time of each drawing.
    """

    def __init__(self, processes: int | None = None, *, memory_mb: int = 1024, cpu_seconds: int = 120) -> None:
        self._memory_mb = memory_mb
        self._cpu_seconds = cpu_seconds
        self._slots: asyncio.LifoQueue[_Process | None] = asyncio.LifoQueue()
        self._alive: set[_Process] = set()
        self._ending: set[asyncio.Task[None]] = set()
        for _ in range(processes or cores()):
            self._slots.put_nowait(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pids(self) -> list[int]:
        """The processes that are alive now."""
        return sorted(process.pid for process in self._alive)

    async def render(self, spec: StickerSpec, source: bytes | None, report: Hear) -> Rendered:
        """Raises `SourceRefused` for a bad source image, `RenderFailed` when the drawing failed or was ended."""
        process = await self._slots.get()
        kept: _Process | None = None
        try:
            process = process or await self._start()
            rendered = await process.draw(spec, source, report, self._cpu_seconds)
            kept = process
        except SourceRefused:
            kept = process
            raise
        finally:
            if kept is None and process is not None:
                self._end(process)
            self._slots.put_nowait(kept)
        return rendered

    async def close(self) -> None:
        """Kill every process and wait until they are gone."""
        for process in list(self._alive):
            self._end(process)
        await asyncio.gather(*self._ending)

    async def _start(self) -> _Process:
        process = await _Process.start(self._memory_mb)
        self._alive.add(process)
        try:
            await process.ready()
        except BaseException:
            self._end(process)
            raise
        return process

    def _end(self, process: _Process) -> None:
        """Kill at once; the waiting is done beside."""
        if process not in self._alive:
            return
        self._alive.discard(process)
        process.kill()
        task = asyncio.create_task(process.gone())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Process:
    """One render process and the two ways to it."""

    def __init__(self, child: ChildProcess) -> None:
        assert child.process.stdin is not None
        self._child = child
        self._orders, self._answers = child.process.stdin, child.answers

    @classmethod
    async def start(cls, memory_mb: int) -> Self:
        """Nothing of the environment is passed on but what Python needs to find this package."""
        command = [sys.executable, "-P", "-m", "workers.images.render.child", str(os.getpid()), str(memory_mb)]
        environment = {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
        return cls(await ChildProcess.start(command, environment=environment, stdin=asyncio.subprocess.PIPE))

    @property
    def pid(self) -> int:
        return self._child.process.pid

    async def ready(self) -> None:
        await self._hear()

    async def draw(self, spec: StickerSpec, source: bytes | None, report: Hear, cpu_seconds: int) -> Rendered:
        with suppress(ConnectionError):  # a dead process is noticed when its answer ends
            self._orders.write(wire.order(spec, source, cpu_seconds))
            await self._orders.drain()
        while "progress" in (heard := await self._hear())[0]:
            answer = report(heard[0]["progress"], heard[0]["stage"])
            if inspect.isawaitable(answer):
                await answer
        head, png = heard
        if "refused" in head:
            raise SourceRefused(head["refused"], head["message"])
        if "failed" in head:
            raise RenderFailed(head["failed"])
        return Rendered(png=png, **head["done"])

    async def _hear(self) -> tuple[dict[str, Any], bytes]:
        try:
            return await wire.receive(self._answers)
        except (asyncio.IncompleteReadError, ConnectionError) as end:
            code = await self._child.gone()
            raise RenderFailed(f"The render process ended with {code} before its picture was done.") from end

    def kill(self) -> None:
        self._child.kill()

    async def gone(self) -> None:
        """Wait for the end, then close the pipes: a transport left to the collector warns."""
        self._orders.close()
        await self._child.gone()
        with suppress(ConnectionError):
            await self._orders.wait_closed()
