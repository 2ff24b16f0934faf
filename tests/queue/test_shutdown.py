"""How a worker leaves: nothing new, a grace for what runs, the rest handed back, no task left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence

import pytest

from milepost.domain.bell import Bell
from milepost.queue.rest import Wish
from tests.queue.recording import Claimed, RecordingDesk, bell


class SlowDesk(RecordingDesk):
    """Its database answers a claim when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def claim(self, kind: str, bells: Sequence[Bell]) -> Claimed:
        self.asked.set()
        await self.answer.wait()
        return await super().claim(kind, bells)


@pytest.fixture
def slow() -> SlowDesk:
    return SlowDesk()


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


async def test_what_a_claim_took_after_the_signal_is_finished_within_the_grace(hire, slow, doorbell):
    before = asyncio.all_tasks()
    worker = hire(slow, grace=60.0)
    await doorbell.ring([bell() for _ in range(3)])
    await slow.asked.wait()
    worker.stop()
    late = bell()
    await doorbell.ring([late])
    slow.answer.set()
    await asyncio.wait_for(worker.shift, 2)
    assert (len(slow.finished), slow.handed_back) == (3, [])
    assert await doorbell.known([late]) == [True]
    assert asyncio.all_tasks() <= before


async def test_a_claim_that_is_not_answered_keeps_the_worker_no_longer_than_the_grace(hire, slow, doorbell):
    before = asyncio.all_tasks()
    worker = hire(slow, grace=0.2)
    held = [bell(), bell()]
    await doorbell.ring(held)
    await slow.asked.wait()
    worker.stop()
    await asyncio.wait_for(worker.shift, 2)
    assert slow.started == []
    assert await doorbell.known(held) == [True, True]
    assert asyncio.all_tasks() <= before


async def test_the_second_signal_is_heard_while_a_claim_is_not_answered(hire, slow, doorbell):
    worker = hire(slow, grace=60.0, handle_signals=True)
    held = bell()
    await doorbell.ring([held])
    await slow.asked.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    while worker._rest.wish is Wish.WORK:  # noqa: ASYNC110 - a signal tells nobody
        await asyncio.sleep(0.001)
    assert not worker.shift.done()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(worker.shift, 2)
    assert await doorbell.known([held]) == [True]


async def test_the_second_signal_hands_back_what_runs_beside_a_claim_that_is_not_answered(hire, slow, doorbell):
    async def forever(_):
        await asyncio.Event().wait()

    slow.handler = forever
    slow.answer.set()
    worker = hire(slow, grace=60.0)
    await doorbell.ring([bell()])
    await slow.until(lambda: len(slow.started) == 1)
    slow.asked.clear()
    slow.answer.clear()
    await doorbell.ring([bell()])
    await slow.asked.wait()
    worker.stop()
    worker.stop(now=True)
    await asyncio.wait_for(worker.shift, 2)
    assert len(slow.handed_back) == 1
    assert worker.running == 0


async def test_a_claim_that_fails_after_the_signal_does_not_fail_the_worker(hire, slow, doorbell):
    worker = hire(slow, grace=60.0)
    held = bell()
    await doorbell.ring([held])
    await slow.asked.wait()
    worker.stop()
    slow.broken = OSError("no database")
    slow.answer.set()
    await asyncio.wait_for(worker.shift, 2)
    assert worker.tally.desk_errors == 1
    assert await doorbell.known([held]) == [True]


async def test_what_was_taken_when_the_signal_came_is_left_to_other_workers_at_once(hire, desk, doorbell):
    leaving = hire(RecordingDesk(), backstop=0.05)
    take = leaving._taker.take

    async def take_then_stop(slots: int):
        taken = await take(slots)
        if taken.bells:
            leaving.stop()
        return taken

    leaving._taker.take = take_then_stop
    await doorbell.ring([bell(), bell()])
    await asyncio.wait_for(leaving.shift, 5)
    assert leaving.tally.attempts == 0
    hire(desk)
    await desk.until(lambda: len(desk.finished) == 2, 5.0)


async def test_asking_twice_to_stop_does_not_shorten_the_grace(hire, desk, doorbell):
    go = asyncio.Event()

    async def wait(_):
        await go.wait()

    desk.handler = wait
    worker = hire(desk, grace=60.0, beat_every=0.02)
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.started) == 1)
    worker.stop()
    beats = desk.beats
    await desk.until(lambda: desk.beats > beats + 1)
    worker.stop()
    await desk.until(lambda: desk.beats > beats + 3)
    go.set()
    await worker.shift
    assert (len(desk.finished), desk.handed_back) == (1, [])
