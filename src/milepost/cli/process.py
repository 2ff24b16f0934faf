"""How a long-running command runs: logging, a fast loop, the self test, a word to whoever waits for it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from milepost.cli.stack.child import READY_FD, say_ready
from milepost.engine.guards_check import check_guards
from milepost.engine.heap import settle_heap
from milepost.observe import configure_logging
from milepost.settings import Settings
from milepost.wiring import Role, Runtime, open_runtime

T = TypeVar("T")


def run_process(settings: Settings, work: Coroutine[Any, Any, T]) -> T:
    configure_logging(settings.log_format, settings.log_level)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def ready() -> None:
    """The process is set up: tells the parent, if there is one that waits."""
    settle_heap()
    say_ready(os.environ.pop(READY_FD, None))


async def open_tested(settings: Settings, role: Role, stack: AsyncExitStack) -> Runtime:
    """Raises as `open_runtime` does, and GuardsMissing: a process does not serve a database that does not guard."""
    runtime = await stack.enter_async_context(open_runtime(settings, role))
    await check_guards(await runtime.default(), runtime.kinds)
    return runtime


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - not on every platform

    return uvloop.new_event_loop
