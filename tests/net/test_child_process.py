"""A child answers over a pipe of its own: whatever a library prints, warns or logs cannot get between."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from milepost.net.child_process import ChildProcess, SaidTooMuch

HEAD = "import os, sys, warnings, logging, subprocess\nfrom milepost.net.child_process import open_answers\n"
DESCRIPTORS = Path("/proc/self/fd")
ENVIRONMENT = {"PYTHONPATH": os.pathsep.join(sys.path)}


async def started(program: str, stdin: int = DEVNULL) -> ChildProcess:
    return await ChildProcess.start([sys.executable, "-c", HEAD + program], environment=ENVIRONMENT, stdin=stdin)


async def said(program: str, most: int = 1000) -> tuple[bytes, int]:
    child = await started(program)
    try:
        return await child.all_answers(most), await child.gone()
    finally:
        child.kill()
        await child.gone()


NOISE = """
with open_answers(sys.argv[1]) as answers:
    print("a library's greeting", flush=True)
    warnings.warn("a library's warning")
    logging.warning("a library's log line")
    os.write(1, b"from C")
    os.write(2, b"from C")
    subprocess.run([sys.executable, "-c", "print('a program of a library')"], check=True)
    answers.write(b"the answer")
"""


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_nothing_that_is_printed_gets_into_the_answer(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(said(NOISE)) == (b"the answer", 0)


async def test_what_the_child_starts_does_not_get_the_pipe() -> None:
    program = """
with open_answers(sys.argv[1]) as answers:
    code = "import os, sys; os.write(int(sys.argv[1]), b'not for you')"
    ended = subprocess.run([sys.executable, "-c", code, sys.argv[1]], close_fds=False, stderr=subprocess.DEVNULL)
    answers.write(b"refused" if ended.returncode else b"written")
"""

    assert await said(program) == (b"refused", 0)


async def test_a_child_that_dies_ends_its_answers() -> None:
    assert await said("os.kill(os.getpid(), 9)") == (b"", -signal.SIGKILL)
    assert await said("os.write(int(sys.argv[1]), b'half'); os.abort()") == (b"half", -signal.SIGABRT)


async def test_no_more_is_held_than_was_asked_for() -> None:
    child = await started("while True: os.write(int(sys.argv[1]), b'x' * 65536)")
    try:
        with pytest.raises(SaidTooMuch):
            await child.all_answers(1_000_000)
    finally:
        child.kill()
        assert await child.gone() == -signal.SIGKILL


async def test_it_may_be_given_orders() -> None:
    child = await started("with open_answers(sys.argv[1]) as a: a.write(sys.stdin.buffer.read()[::-1])", PIPE)
    assert child.process.stdin is not None
    child.process.stdin.write(b"abc")
    child.process.stdin.close()

    assert await child.all_answers(10) == b"cba"
    await child.gone()


async def test_a_program_that_is_not_there_leaves_no_descriptor_open() -> None:
    before = len(list(DESCRIPTORS.iterdir()))

    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            await ChildProcess.start(["/nowhere/at/all"], environment={}, stdin=DEVNULL)

    assert len(list(DESCRIPTORS.iterdir())) == before
