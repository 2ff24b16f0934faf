"""How a worker leaves: nothing new, a grace for what runs, the rest handed back, no task left behind."""

from __future__ import annotations

import asyncio
import os
import signal

from tests.queue.recording import bell


async def test_a_stopped_idle_worker_leaves_at_once_and_leaks_no_task(hire, desk, doorbell):
    before = asyncio.all_tasks()
    worker = hire(desk)
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.finished) == 1)
    worker.stop()
    await asyncio.wait_for(worker.shift, 0.5)
    assert asyncio.all_tasks() <= before


async def test_running_attempts_may_finish_and_nothing_new_is_taken(hire, desk, doorbell):
    go = asyncio.Event()

    async def wait(_):
        await go.wait()

    desk.handler = wait
    worker = hire(desk)
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.started) == 1)
    worker.stop()
    late = bell()
    await doorbell.ring([late])
    go.set()
    await worker.shift
    assert (len(desk.finished), desk.handed_back) == (1, [])
    assert await doorbell.known([late]) == [True]


async def test_what_does_not_finish_within_the_grace_is_handed_back(hire, desk, doorbell):
    async def forever(_):
        await asyncio.Event().wait()

    desk.handler = forever
    worker = hire(desk, grace=0.1)
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.started) == 1)
    worker.stop()
    await asyncio.wait_for(worker.shift, 2)
    assert len(desk.handed_back) == 1
    assert worker.running == 0


async def test_leases_are_renewed_during_the_grace(hire, desk, doorbell):
    go = asyncio.Event()

    async def wait(_):
        await go.wait()

    desk.handler = wait
    worker = hire(desk, beat_every=0.02)
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.started) == 1)
    worker.stop()
    beats = desk.beats
    await desk.until(lambda: desk.beats > beats + 3)
    go.set()
    await worker.shift


async def test_the_first_signal_waits_and_the_second_hands_back_at_once(hire, desk, doorbell):
    async def forever(_):
        await asyncio.Event().wait()

    desk.handler = forever
    worker = hire(desk, grace=60.0, handle_signals=True)
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.started) == 1)
    os.kill(os.getpid(), signal.SIGTERM)
    beats = desk.beats
    await desk.until(lambda: desk.beats > beats)
    assert not worker.shift.done()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(worker.shift, 2)
    assert len(desk.handed_back) == 1


async def test_a_cancelled_worker_hands_back_too(hire, desk, doorbell):
    async def forever(_):
        await asyncio.Event().wait()

    desk.handler = forever
    worker = hire(desk)
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.started) == 1)
    worker.shift.cancel()
    await asyncio.wait({worker.shift})
    assert len(desk.handed_back) == 1


async def test_a_hand_back_that_fails_does_not_keep_the_worker(hire, desk, doorbell):
    async def forever(_):
        await asyncio.Event().wait()

    async def failing():
        raise OSError("no database")

    desk.handler, desk.hand_back = forever, failing
    worker = hire(desk, grace=0.0)
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.started) == 1)
    worker.stop()
    await asyncio.wait_for(worker.shift, 2)
    assert worker.running == 0
