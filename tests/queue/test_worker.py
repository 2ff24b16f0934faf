"""How a worker takes bells, shares them, waits and survives."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from milepost.domain.errors import ConfigurationError, Unavailable
from milepost.embedded import EmbeddedRedis
from milepost.queue import wire
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell
from milepost.queue.taking import Taker
from tests.queue.conftest import INSTALLATION
from tests.queue.recording import KIND, RecordingDesk, bell, watch


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def test_an_idle_worker_starts_a_job_at_once(hire, desk, doorbell):
    hire(desk)
    delays = []
    for count in range(1, 21):
        begun = time.perf_counter()
        await doorbell.ring([bell()])
        await desk.until(lambda count=count: len(desk.started) == count)
        delays.append(time.perf_counter() - begun)
    delays.sort()
    print(f"ring to start: p50 {delays[10] * 1000:.2f} ms, worst {delays[-1] * 1000:.2f} ms")
    assert delays[10] < 0.05


async def test_nothing_of_a_finished_job_is_left_in_redis(hire, desk, doorbell, redis):
    worker = hire(desk)
    await doorbell.ring([bell() for _ in range(250)])
    await desk.until(lambda: len(desk.finished) == 250)
    worker.stop()
    await worker.shift
    assert await redis.keys("*") == [wire.INSTALLATION_KEY.encode()]


async def test_two_workers_share_the_bells_without_doubles(hire, doorbell):
    truth = set()
    desks = [RecordingDesk(claimed=truth), RecordingDesk(claimed=truth)]
    hold = asyncio.Event()

    async def wait(_):
        await hold.wait()

    for one in desks:
        one.handler = wait
        hire(one, max_jobs=50)
    bells = [bell() for _ in range(100)]
    await doorbell.ring(bells)
    for one in desks:
        await one.until(lambda one=one: len(one.started) == 50)
    hold.set()
    assert {b.job_id for one in desks for b in one.started} == {b.job_id for b in bells}
    assert not any(one.gone for one in desks)


async def test_slots_that_free_are_filled_at_once_and_never_overfilled(hire, desk, doorbell):
    running = most = 0

    async def handler(_):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1

    desk.handler = handler
    hire(desk, max_jobs=7)
    await doorbell.ring([bell() for _ in range(300)])
    await desk.until(lambda: len(desk.finished) == 300, seconds=5)
    assert most == 7


async def test_higher_priority_is_taken_first_whatever_came_first(hire, desk, doorbell):
    bells = [bell(priority=p) for p in (0, -5, 100, 7)]
    for one in bells:
        await doorbell.ring([one])
    hire(desk, max_jobs=1)
    await desk.until(lambda: len(desk.finished) == 4)
    assert [one.priority for one in desk.started] == [100, 7, 0, -5]


async def test_a_delayed_bell_is_taken_when_it_is_due_and_then_by_priority(hire, desk, doorbell, redis):
    due = soon(1.5)
    await doorbell.ring([bell(due_at=due), bell(priority=9, due_at=due)])
    hire(desk, max_jobs=1)
    await desk.until(lambda: len(desk.started) == 2)
    late = datetime.now(UTC) - due
    assert timedelta(0) <= late < timedelta(seconds=0.3)
    assert [one.priority for one in desk.started] == [9, 0]


async def test_a_bell_due_within_a_second_wakes_an_idle_worker_in_time(hire, desk, doorbell):
    hire(desk)
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.finished) == 1)
    due = soon(0.4)
    await doorbell.ring([bell(due_at=due)])
    await desk.until(lambda: len(desk.finished) == 2)
    assert timedelta(0) <= datetime.now(UTC) - due < timedelta(seconds=0.3)


@pytest.mark.parametrize("kinds", [1, 12])
@pytest.mark.slow
async def test_an_idle_worker_asks_redis_less_than_ten_times_a_second(hire, redis, doorbell, kinds):
    desk = RecordingDesk(*[f"kind{n}" for n in range(kinds)])
    hire(desk)
    await doorbell.ring([bell("kind0")])
    await desk.until(lambda: len(desk.finished) == 1)

    async def total() -> int:
        stats = await redis.info("commandstats")
        return sum(entry["calls"] for name, entry in stats.items() if name != "cmdstat_info")

    before, begun = await total(), time.perf_counter()
    await asyncio.sleep(5)
    rate = (await total() - before) / (time.perf_counter() - begun)
    print(f"{kinds} kinds: {rate:.1f} commands/s, calls within scripts included")
    assert rate < 10


async def test_kinds_share_the_slots_and_none_starves(hire, doorbell):
    desk = RecordingDesk("cast", "scan")
    hold = asyncio.Event()

    async def wait(_):
        await hold.wait()

    desk.handler = wait
    await doorbell.ring([bell("cast") for _ in range(100)])
    await doorbell.ring([bell("scan") for _ in range(3)])
    hire(desk, max_jobs=10)
    await desk.until(lambda: len(desk.started) == 10)
    assert sum(one.kind == "scan" for one in desk.started) == 3
    hold.set()


async def test_a_bell_that_is_not_due_for_the_database_is_put_back_until_then(hire, desk, doorbell):
    early, stale = bell(), bell()
    desk.due[early.job_id] = due = soon(0.6)
    desk.claimed.add((stale.job_id, 1))
    worker = hire(desk)
    await doorbell.ring([early, stale])
    await desk.until(lambda: len(desk.groups) == 1)
    await desk.until(lambda: len(desk.finished) == 1)
    assert datetime.now(UTC) >= due
    assert (worker.tally.later, worker.tally.gone) == (1, 1)
    assert await doorbell.known([stale]) == [False]


async def test_bells_come_back_when_the_database_did_not_answer(hire, desk, doorbell, caplog):
    desk.broken = Unavailable(server="PostgreSQL")
    hire(desk)
    await doorbell.ring([bell(), bell()])
    await desk.until(lambda: desk.refusals == 2)
    desk.broken = None
    await desk.until(lambda: len(desk.finished) == 2)
    assert len([line for line in caplog.messages if "the database failed" in line]) == 1


async def test_bells_of_a_worker_that_died_after_taking_them_come_back(hire, desk, doorbell, url):
    lost = [bell(), bell()]
    await doorbell.ring(lost)
    dead = connect(url)
    taken = await Taker(dead, [KIND], installation=INSTALLATION, hold=0.5).take(10)
    assert len(taken.bells[KIND]) == 2
    await dead.aclose()
    assert await doorbell.known(lost) == [True, True]
    hire(desk)
    await desk.until(lambda: len(desk.finished) == 2)


async def test_a_worker_refuses_the_redis_of_another_installation(hire, desk, redis):
    await redis.set(wire.INSTALLATION_KEY, "elsewhere")
    await redis.zadd(wire.queue_name(KIND), {wire.arq_id(bell()): 1})
    before = await redis.dump(wire.queue_name(KIND))
    worker = hire(desk)
    with pytest.raises(ConfigurationError, match="elsewhere"):
        await worker.shift
    assert await redis.dump(wire.queue_name(KIND)) == before
    assert not desk.groups


async def test_flushall_does_not_disturb_an_idle_worker(hire, desk, doorbell, redis):
    hire(desk)
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.finished) == 1)
    await redis.flushall()
    await redis.script_flush()
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.finished) == 2)
    assert await redis.get(wire.INSTALLATION_KEY) == INSTALLATION.encode()


@pytest.mark.faults
async def test_a_worker_goes_on_when_redis_was_restarted(hire, desk, tmp_path: Path, caplog):
    server = EmbeddedRedis(tmp_path)
    server.start()
    doorbell = Doorbell(connect(server.url, timeout=1.0), installation=INSTALLATION, patience=1.0)
    worker = hire(desk, at=server.url)
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.finished) == 1)
    port = server.port
    server.stop()

    async def noticed() -> bool:
        return worker.tally.redis_errors > 1

    await watch(noticed)
    server = EmbeddedRedis(tmp_path, port=port)
    server.start()
    again = bell()

    async def rung() -> bool:
        await doorbell.ring([again])
        return doorbell.rings.rung == 2

    await watch(rung)
    await desk.until(lambda: again in desk.finished)
    assert len([line for line in caplog.messages if "Redis failed" in line]) == 1
    worker.stop()
    await worker.shift
    await doorbell.aclose()
    server.stop()


async def test_a_live_worker_can_be_seen_and_one_that_left_cannot(hire, desk, doorbell):
    worker = hire(desk, instance="alice", beat_every=0.2)
    await desk.until(lambda: desk.beats > 1)
    (seen,) = await doorbell.workers()
    assert (seen.instance, list(seen.kinds), seen.running) == ("alice", [KIND], 0)
    worker.stop()
    await worker.shift
    assert await doorbell.workers() == []


async def test_a_heartbeat_that_fails_is_tried_again(hire, desk):
    beat, failures = desk.beat, []

    async def failing():
        await beat()
        if len(failures) < 2:
            failures.append(1)
            raise Unavailable(server="PostgreSQL")

    desk.beat = failing
    worker = hire(desk, beat_every=0.02)
    await desk.until(lambda: desk.beats > 5)
    assert not worker.shift.done()


async def test_a_burst_ends_when_nothing_is_due(hire, desk, doorbell):
    await doorbell.ring([bell() for _ in range(120)])
    await doorbell.ring([bell(due_at=soon(60))])
    worker = hire(desk, burst=True, max_jobs=50)
    await asyncio.wait_for(worker.shift, 5)
    assert len(desk.finished) == 120
