"""What a producer may rely on when it rings."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from milepost.domain.bell import Bell
from milepost.domain.errors import Unavailable
from milepost.embedded import EmbeddedRedis
from milepost.queue import doorbell as doorbell_module
from milepost.queue import wire
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell
from tests.queue.conftest import INSTALLATION
from tests.queue.recording import KIND, TENANT, bell, forget

NOWHERE = "redis://127.0.0.1:1/0"


async def order(redis) -> list[Bell | None]:
    return [wire.parse(KIND, raw) for raw in await redis.zrange(wire.queue_name(KIND), 0, -1)]


async def calls(redis, command: str) -> int:
    return (await redis.info("commandstats")).get(f"cmdstat_{command}", {}).get("calls", 0)


async def test_a_bell_is_an_arq_job_that_stock_arq_can_read(redis, doorbell):
    rung = bell(priority=3)
    await doorbell.ring([rung])
    (job,) = await redis.queued_jobs(queue_name="milepost:execution")
    assert (job.function, job.args, job.kwargs) == (KIND, [TENANT, str(rung.job_id), 1], {})
    assert job.job_id == f"{TENANT}:{rung.job_id}:1:3"


async def test_higher_priority_sorts_first_and_first_come_within_it(redis, doorbell):
    low, first, second, high = bell(priority=-100), bell(), bell(), bell(priority=100)
    for one in (low, first):
        await doorbell.ring([one])
    await asyncio.sleep(0.002)  # first-come is told by the millisecond
    for one in (second, high):
        await doorbell.ring([one])
    assert await order(redis) == [high, first, second, low]


async def test_every_due_bell_has_a_score_that_a_stock_worker_reads_as_due(redis, doorbell):
    await doorbell.ring([bell(priority=-100), bell(priority=100)])
    scores = [score for _, score in await redis.zrange(wire.queue_name(KIND), 0, -1, withscores=True)]
    assert all(0 < score <= time.time() * 1000 for score in scores)


async def test_a_bell_due_before_the_clock_began_is_due_now(redis, doorbell):
    one = bell(due_at=datetime(1960, 1, 1, tzinfo=UTC))
    await doorbell.ring([one])
    assert await order(redis) == [one._replace(due_at=None)]
    [(_, score)] = await redis.zrange(wire.queue_name(KIND), 0, -1, withscores=True)
    assert 0 < score <= time.time() * 1000


async def test_ringing_again_never_makes_a_bell_later(redis, doorbell):
    early = bell()
    await doorbell.ring([early])
    (before,) = await redis.zrange(wire.queue_name(KIND), 0, -1, withscores=True)
    await doorbell.ring([Bell(TENANT, KIND, early.job_id, 1, 0, datetime.now(UTC) + timedelta(hours=1))])
    await doorbell.ring([early])
    assert await redis.zrange(wire.queue_name(KIND), 0, -1, withscores=True) == [before]


async def test_known_tells_which_bells_wait_in_redis(redis, doorbell):
    here, there, never = bell(), bell("scan"), bell()
    await doorbell.ring([here, there])
    assert await doorbell.known([never, there, here, never]) == [False, True, True, False]
    await forget(redis, [here, there])
    assert await doorbell.known([here, there]) == [False, False]
    assert await doorbell.known([]) == []


async def test_concurrent_rings_share_round_trips(redis, doorbell):
    await doorbell.ring([bell()])
    before = await calls(redis, "evalsha")
    await asyncio.gather(*[doorbell.ring([bell()]) for _ in range(500)])
    assert await redis.zcard(wire.queue_name(KIND)) == 501
    assert await calls(redis, "evalsha") - before <= 3


async def test_what_is_rung_soon_in_one_turn_is_put_once(redis, doorbell, monkeypatch):
    put = []
    monkeypatch.setattr(doorbell._group, "put", put.append)
    bells = [bell() for _ in range(500)]
    for one in bells:
        doorbell.ring_soon([one])
    doorbell.ring_soon([])
    await asyncio.sleep(0)
    assert [ring.bells for ring in put] == [bells]


async def test_a_doorbell_that_closes_rings_what_was_to_be_rung_soon(redis, url):
    doorbell = Doorbell(connect(url), installation=INSTALLATION, patience=10)
    doorbell.ring_soon([bell()])
    await doorbell.aclose()
    assert await redis.zcard(wire.queue_name(KIND)) == 1


async def test_a_bell_is_rung_although_its_caller_left_at_once(redis, doorbell):
    ringing = asyncio.create_task(doorbell.ring([bell()]))
    asyncio.get_running_loop().call_soon(ringing.cancel)
    with pytest.raises(asyncio.CancelledError):
        await ringing
    await doorbell.drain()
    assert await redis.zcard(wire.queue_name(KIND)) == 1


async def test_twenty_thousand_rings_in_bulk_take_one_pass(redis, url):
    patient = Doorbell(connect(url), installation=INSTALLATION, patience=20.0)
    bells = [bell() for _ in range(20_000)]
    before, begun = await calls(redis, "evalsha"), time.perf_counter()
    await patient.ring(bells)
    print(f"20,000 bells in {time.perf_counter() - begun:.3f} s")
    assert await redis.zcard(wire.queue_name(KIND)) == 20_000
    assert await calls(redis, "evalsha") - before <= 21
    assert patient.rings.rung == 20_000
    await patient.aclose()


async def test_a_producer_neither_waits_nor_fails_while_redis_is_away(caplog):
    doorbell = Doorbell(connect(NOWHERE, timeout=1.0), installation=INSTALLATION)
    begun = time.perf_counter()
    for _ in range(1000):
        await doorbell.ring([bell(), bell()])
    assert time.perf_counter() - begun < 2.5, "a twentieth of a second each would make fifty"
    assert doorbell.rings.lost == 2000
    assert len([line for line in caplog.messages if "cannot be rung" in line]) == 1
    with pytest.raises(Unavailable):
        await doorbell.known([bell()])
    with pytest.raises(Unavailable):
        await doorbell.workers()
    await doorbell.aclose()


@pytest.mark.faults
async def test_a_redis_that_hangs_costs_a_producer_no_more_than_its_patience(tmp_path: Path):
    import os
    import signal

    with EmbeddedRedis(tmp_path) as server:
        doorbell = Doorbell(connect(server.url, timeout=20.0), installation=INSTALLATION, pause=0.0)
        await doorbell.ring([bell()])
        late = bell()
        os.kill(server.pid, signal.SIGSTOP)
        try:
            begun = time.perf_counter()
            await doorbell.ring([late])
            assert time.perf_counter() - begun < 5
        finally:
            os.kill(server.pid, signal.SIGCONT)
        # the producer left, its bell did not
        async with asyncio.timeout(5):
            await doorbell.drain()
        assert await doorbell.known([late]) == [True]
        assert doorbell.rings.lost == 0
        await doorbell.aclose()


async def test_a_ring_that_outlasts_its_patience_silences_no_other(redis, url):
    hasty = Doorbell(connect(url), installation=INSTALLATION, patience=0.0, pause=60.0)
    await hasty.ring([bell() for _ in range(5000)])
    for _ in range(100):
        await hasty.ring([bell()])
    assert hasty.rings.lost == 0
    await hasty.aclose()
    assert (hasty.rings.rung, hasty.rings.lost) == (5100, 0)
    assert await redis.zcard(wire.queue_name(KIND)) == 5100


async def test_what_is_rung_behind_a_late_ring_is_bounded(redis, url, monkeypatch):
    monkeypatch.setattr(doorbell_module, "MOST_BEHIND", 10)
    hasty = Doorbell(connect(url), installation=INSTALLATION, patience=0.0)
    for count in (1, 6, 6, 4):
        await hasty.ring([bell() for _ in range(count)])
    await hasty.aclose()
    assert (hasty.rings.rung, hasty.rings.lost) == (11, 6)


async def test_rings_behind_a_late_one_are_lost_with_it_and_cost_nothing(caplog):
    accepted = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    doorbell = Doorbell(connect(f"redis://127.0.0.1:{port}/0", timeout=0.5), installation=INSTALLATION, pause=60.0)
    begun = time.perf_counter()
    await doorbell.ring([bell()])
    for _ in range(1000):
        await doorbell.ring([bell()])
    assert time.perf_counter() - begun < 2.5, "a twentieth of a second each would make fifty"
    assert len(accepted) <= 1
    await doorbell.drain()
    assert doorbell.rings.lost == 1001
    await doorbell.ring([bell()])
    assert (doorbell.rings.lost, len(accepted)) == (1002, 1)
    assert len([line for line in caplog.messages if "cannot be rung" in line]) == 1
    await doorbell.aclose()
    server.close()


async def test_a_ring_that_waits_its_turn_does_not_wait_twice():
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    redis = connect(f"redis://127.0.0.1:{port}/0", timeout=2.5)
    doorbell = Doorbell(redis, installation=INSTALLATION, patience=1.0)

    async def timed() -> float:
        begun = time.perf_counter()
        await doorbell.ring([bell()])
        return time.perf_counter() - begun

    first = asyncio.create_task(timed())
    await asyncio.sleep(0.1)
    times = await asyncio.gather(first, *[timed() for _ in range(50)])
    assert max(times) < 1.7, "the turn and then its own patience would make 1.9"
    await doorbell.aclose()
    server.close()


async def test_a_bell_is_not_rung_in_the_redis_of_another_installation(redis, url):
    await redis.set(wire.INSTALLATION_KEY, "elsewhere")
    doorbell = Doorbell(connect(url), installation=INSTALLATION, patience=1.0)
    await doorbell.ring([bell()])
    assert doorbell.rings.lost == 1
    assert await redis.keys("*") == [wire.INSTALLATION_KEY.encode()]
    await doorbell.aclose()


async def test_a_bell_that_cannot_be_written_is_lost_alone_and_said_once(redis, doorbell, caplog):
    good = [bell() for _ in range(3)]
    bad = [bell()._replace(due_at="tomorrow"), bell()._replace(tenant="\udc00")]
    for one in (*good[:2], *bad):
        doorbell.ring_soon([one])
    await doorbell.ring(good[2:])
    assert set(await order(redis)) == set(good)
    assert (doorbell.rings.rung, doorbell.rings.lost) == (3, 2)
    [line] = [line for line in caplog.messages if "cannot be rung" in line]
    assert line == f"2 bells cannot be rung, the first is of job {bad[0].job_id}"
    assert await doorbell.deliver(bad)
    assert await doorbell.deliver([bell()])
    assert (doorbell.rings.rung, doorbell.rings.lost) == (4, 4)


async def test_a_bell_whose_id_is_none_of_ours_is_lost_alone_and_said(redis, doorbell, caplog):
    good, bad = bell(), bell()._replace(version=-1)
    assert await doorbell.deliver([bad, good])
    assert await order(redis) == [good]
    assert await doorbell.deliver([bad])
    assert (doorbell.rings.rung, doorbell.rings.lost) == (1, 2)
    assert caplog.messages == ["1 bells were not rung: their ids are none of ours"] * 2


async def test_a_bell_due_since_for_ever_is_due_now_and_one_due_never_waits(redis, doorbell):
    ends = (datetime.min, datetime.max)  # noqa: DTZ901 - as the driver reads PostgreSQL's infinities
    since_ever, never = (bell(due_at=end) for end in ends)
    await doorbell.ring([never, since_ever])
    assert await order(redis) == [since_ever._replace(due_at=None), never._replace(due_at=None)]
    [(_, now), (_, then)] = await redis.zrange(wire.queue_name(KIND), 0, -1, withscores=True)
    assert 0 < now <= time.time() * 1000 < then


async def test_what_nobody_foresaw_is_logged_counted_and_silences_no_later_ring(redis, doorbell, caplog):
    assert not await doorbell.deliver([bell()._replace(kind="\udc00")])
    good = bell()
    await doorbell.ring([good])
    assert (doorbell.rings.rung, doorbell.rings.lost) == (1, 1)
    assert caplog.messages == ["bells were not rung"]
    assert await order(redis) == [good]
