"""One function a measurement: what is measured beside what, and under which names the figures go."""

from __future__ import annotations

from functools import partial

from benchmarks import ceiling, drain, drain_processes, http, idle, pickup, stickers, stock, submit
from benchmarks import growth as in_growth
from benchmarks import memory as in_memory
from benchmarks import sealing as in_sealing
from benchmarks.figures import Figures, Tell
from benchmarks.stage import Servers, place


async def drains(on: Servers, figures: Figures, jobs: int) -> None:
    await _drained(on, figures, jobs, "drain")
    async with place(on) as here:
        figures.add_speed("drain.default_per_s", await drain.drain(here, on, jobs, max_jobs=drain.SHIPPED))
    async with place(on, lean=True) as here:
        figures.add_speed("drain.lean_ceiling_per_s", await ceiling.drain(here, jobs))


async def long_drain(on: Servers, figures: Figures, jobs: int) -> None:
    await _drained(on, figures, jobs, "drain_200k")


async def _drained(on: Servers, figures: Figures, jobs: int, room: str) -> None:
    async with place(on) as here:
        figures.add_speed(f"{room}.ceiling_per_s", await ceiling.drain(here, jobs))
    async with place(on) as here:
        figures.add_speed(f"{room}.jobs_per_s", await drain.drain(here, on, jobs))


async def two_workers(on: Servers, figures: Figures, jobs: int) -> None:
    async with place(on) as here:
        figures.add_speed("drain_2w.ceiling_per_s", await ceiling.drain(here, jobs))
    for processes, name in ((1, "one_worker_per_s"), (2, "jobs_per_s")):
        async with place(on) as here:
            figures.add({f"drain_2w.{name}": await drain_processes.drain(here, on, jobs, processes)})


async def stock_arq(on: Servers, figures: Figures, jobs: int) -> None:
    figures.add({"drain.arq_per_s": await stock.drain(on, jobs)})


async def submits(on: Servers, figures: Figures, jobs: int) -> None:
    async with place(on) as here:
        figures.add_speed("submit.ceiling_per_s", await ceiling.submit(here, jobs))
    async with place(on) as here:
        figures.add_speed("submit.bulk_per_s", await submit.bulk(here, on, jobs))
    async with place(on) as here:
        figures.add_speed("submit.concurrent_per_s", await submit.concurrent(here, on, jobs // 2))


async def over_http(on: Servers, figures: Figures, requests: int) -> None:
    figures.add({"submit.http_bare_per_s": await http.bare(requests)})
    async with place(on) as here:
        figures.add({"submit.http_per_s": await http.submits(here, on, requests)})
    async with place(on) as here:
        figures.add({"submit.http_batch_per_s": await http.batches(here, on, 4 * requests)})


async def pickups(on: Servers, figures: Figures, rounds: int) -> None:
    async with place(on) as here:
        taken = await pickup.pickup(here, on, rounds)
    figures.add(
        {
            "pickup.p50_ms": taken.p50,
            "pickup.p95_ms": taken.p95,
            "pickup.p99_ms": taken.p99,
            "pickup.floor_ms": taken.floor,
            "pickup.floor_smallest_ms": taken.smallest_floor,
        }
    )


async def idling(on: Servers, figures: Figures, seconds: float) -> None:
    async with place(on) as here:
        cost = await idle.idle(here, on, seconds)
    figures.add({"idle.cpu_share": cost.cpu_share, "idle.redis_commands_per_s": cost.redis_commands_per_s})


async def drawing(on: Servers, figures: Figures, count: int) -> None:
    async with place(on) as here:
        drawn, given = await stickers.stickers(here, count, 10 * count)
    figures.add({"images.stickers_per_s_per_core": drawn, "images.cache_hits_per_s": given})


async def memory(on: Servers, figures: Figures, jobs: int, tell: Tell) -> None:
    async with place(on) as here:
        weight = await in_memory.memory(here, on, jobs, tell)
    figures.add(
        {
            "memory.jobs": jobs,
            "memory.rss_start_mb": weight.start,
            # a tenth of the jobs, which are a hundred thousand at full scale
            "memory.rss_at_100k_mb": weight.at_tenth,
            "memory.rss_end_mb": weight.end,
            "memory.rss_highest_mb": weight.highest,
            "memory.growth_mb": weight.end - weight.at_tenth,
        }
    )


async def sealing(on: Servers, figures: Figures, jobs: int) -> None:
    figures.add(await in_sealing.sealing(on, jobs))


async def growth(on: Servers, figures: Figures, large: int, scale: float, tell: Tell) -> None:
    measured = await in_growth.growth(
        on, partial(place, on), small=min(in_growth.SMALL, large), large=large, drained=int(20_000 * scale),
        rounds=max(int(200 * scale), 20), tell=tell,
    )  # fmt: skip
    figures.add({f"growth.{name}": value for name, value in measured.items()})
