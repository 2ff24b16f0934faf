from __future__ import annotations

import asyncio
import io
import os
import select
import signal
import sys

import pytest
from PIL import Image

from workers.images.render import StickerSpec
from workers.images.render.pool import RenderFailed, RenderPool
from workers.images.render.source import SourceRefused

SMALL = StickerSpec("題", "名", "devil", "rare", "red", seed=1, size=256)
SLOW = StickerSpec("題", "名", "devil", "head", "red", seed=1, size=2268)


def nobody(_progress: int, _stage: str) -> None:
    return


def gone(pid: int) -> bool:
    """Whether the process ends within ten seconds, without asking again and again."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 10)[0])
    finally:
        os.close(handle)


async def warm(pool: RenderPool) -> None:
    """Starts every process of a new pool, so that what is drawn next need not wait for that."""
    idle = [pool._slots.get_nowait() for _ in range(pool._slots.qsize())]
    for process in await asyncio.gather(*(pool._start() for _ in idle)):
        pool._slots.put_nowait(process)


async def test_progress_arrives_while_the_loop_stays_free():
    told: list[int] = []
    turns = 0

    async def spin() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with RenderPool(1) as pool:
        await warm(pool)
        spinning = asyncio.create_task(spin())
        await pool.render(SMALL, None, lambda progress, _stage: told.append(progress))
        spinning.cancel()

    assert told == [25, 45, 65, 80, 90, 95]
    assert turns > 100


async def test_a_report_may_be_awaited():
    told: list[str] = []

    async def report(_progress: int, stage: str) -> None:
        await asyncio.sleep(0)
        told.append(stage)

    async with RenderPool(1) as pool:
        await pool.render(SMALL, None, report)

    assert told == ["ground", "effects", "character", "lettering", "finish", "encoded"]


async def test_a_process_draws_many_stickers_and_the_others_wait_in_line():
    async with RenderPool(1) as pool:
        await warm(pool)
        pids = pool.pids
        pictures = await asyncio.gather(*(pool.render(SMALL, None, nobody) for _ in range(3)))

        assert pool.pids == pids
        assert len({picture.sha256 for picture in pictures}) == 1


async def test_a_cancelled_drawing_is_killed_and_replaced():
    async with RenderPool(1) as pool:
        begun = asyncio.Event()
        task = asyncio.create_task(pool.render(SLOW, None, lambda _p, _s: begun.set()))
        await begun.wait()
        (pid,) = pool.pids

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert gone(pid)
        assert (await pool.render(SMALL, None, nobody)).width == 256


async def test_a_drawing_that_takes_too_long_is_killed():
    async with RenderPool(1) as pool:
        limit = asyncio.timeout(None)

        def soon(_progress: int, _stage: str) -> None:
            limit.reschedule(0)

        with pytest.raises(TimeoutError):
            async with limit:
                await pool.render(SLOW, None, soon)

        assert pool.pids == []


async def test_a_waiting_drawing_can_be_cancelled_without_harm():
    async with RenderPool(1) as pool:
        first = asyncio.create_task(pool.render(SMALL, None, nobody))
        second = asyncio.create_task(pool.render(SMALL, None, nobody))
        await asyncio.sleep(0)
        second.cancel()

        assert (await first).width == 256
        assert (await pool.render(SMALL, None, nobody)).width == 256


async def test_a_process_that_dies_fails_its_drawing_alone():
    async with RenderPool(1) as pool:

        def strike(_progress: int, _stage: str) -> None:
            os.kill(pool.pids[0], signal.SIGKILL)

        with pytest.raises(RenderFailed, match="-9"):
            await pool.render(SLOW, None, strike)

        assert (await pool.render(SMALL, None, nobody)).width == 256


async def test_a_drawing_that_spins_is_ended_by_the_kernel():
    async with RenderPool(1, cpu_seconds=1) as pool:
        with pytest.raises(RenderFailed, match=str(-signal.SIGXCPU)):
            await pool.render(SLOW, None, nobody)


async def test_memory_is_bounded():
    async with RenderPool(1, memory_mb=330) as pool:
        with pytest.raises(RenderFailed, match="memory"):
            await pool.render(SLOW, None, nobody)

        assert (await pool.render(SMALL, None, nobody)).width == 256


async def test_a_bad_source_is_refused_and_the_process_lives_on():
    async with RenderPool(1) as pool:
        await warm(pool)
        pids = pool.pids
        with pytest.raises(SourceRefused) as refused:
            await pool.render(SMALL, b"<svg/>", nobody)

        assert refused.value.code == "SOURCE_INVALID"
        assert pool.pids == pids


async def test_forty_megapixels_fit_into_the_usual_memory():
    stream = io.BytesIO()
    Image.new("RGB", (8_000, 5_000), "teal").save(stream, "PNG")

    async with RenderPool(1) as pool:
        assert (await pool.render(SMALL, stream.getvalue(), nobody)).width == 256


async def test_closing_leaves_no_process():
    async with RenderPool(2) as pool:
        await warm(pool)
        pids = pool.pids

    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


OWNER = """
import asyncio
from workers.images.render.pool import RenderPool
async def main():
    pool = RenderPool(2)
    await asyncio.gather(pool._start(), pool._start())
    print(*pool.pids, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
async def test_processes_die_with_an_owner_that_is_killed():
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert owner.stdout is not None
    pids = [int(word) for word in (await owner.stdout.readline()).split()]
    assert len(pids) == 2

    owner.kill()
    await owner.wait()

    assert all([await asyncio.to_thread(gone, pid) for pid in pids])
