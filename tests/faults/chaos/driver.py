"""One run: servers, processes, load, nemesis and oracle; then everything is healed, and what was promised is counted."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.faults.breakages import product
from tests.faults.chaos import machine, trigger, witness
from tests.faults.chaos.journal import Journal
from tests.faults.chaos.judge import judge, part
from tests.faults.chaos.lines import Lines, addresses, open_lines
from tests.faults.chaos.load import Load
from tests.faults.chaos.nemesis import Nemesis
from tests.faults.chaos.oracle import Oracle
from tests.faults.chaos.plan import Fault, plan
from tests.faults.chaos.posts import Start, staff
from tests.faults.chaos.report import Report, commit
from tests.faults.chaos.stage import Stage
from tests.faults.ground import Ground
from tests.faults.site import SCRIPTS, Site, open_site
from tests.servers.messages_api import ModelServer

OPEN = """
SELECT (SELECT count(*) FROM executions WHERE finished_at IS NULL)
     + (SELECT count(*) FROM image_tasks WHERE finished_at IS NULL)"""
# I2: longer than a lease, its rescue, the back-offs that are left and the longest attempt of the load together
SETTLE_SECONDS = 180.0
MARKED = ("-P", str(SCRIPTS / "process_with_marks.py"))
LEASE_SECONDS = 4.0
# told again and again: what happens, and the parts of the run that can tell how far they are
Say = Callable[[str, Nemesis | None, Oracle | None], None]


def silence(_: str, __: Nemesis | None, ___: Oracle | None) -> None:
    return None


async def run(
    seed: int,
    seconds: float,
    *,
    breakage: str | None = None,
    faults: Collection[str] | None = None,
    rate: float = 50.0,
    lease_seconds: float = LEASE_SECONDS,
    settle_seconds: float = SETTLE_SECONDS,
    folder: Path | None = None,
    say: Say = silence,
) -> Report:
    """Faults for that long, then peace. `folder` keeps journal and logs, which are thrown away where nothing is given.

    What fails on the way stands in the report, which tells what is known all the same.
    """
    report = Report(
        seed, seconds, breakage, lease_seconds, commit(), began_at=datetime.now(UTC).isoformat("T", "seconds")
    )
    say("starting the servers", None, None)
    try:
        async with _stage(report, rate, folder) as stage:
            report.versions = await machine.versions(stage.site)
            nemesis, oracle = Nemesis(stage), Oracle(stage)
            planned = plan(seed, seconds, lease=lease_seconds, only=faults)
            await part(report, "the run", lambda: _play(report, planned, nemesis, oracle, settle_seconds, say), None)
            await judge(report, stage, nemesis, oracle)
    except Exception as error:  # noqa: BLE001 - an hour's figures are not thrown away for what failed at its end
        report.fail("the servers and processes", error)
    return report


async def _play(
    report: Report, planned: Sequence[Fault], nemesis: Nemesis, oracle: Oracle, settle_seconds: float, say: Say
) -> None:
    stage = nemesis.stage
    watching = asyncio.create_task(oracle.watch())
    loading = asyncio.create_task(stage.load.work())
    telling = asyncio.create_task(_tell(say, nemesis, oracle))
    working = asyncio.create_task(nemesis.work(planned))
    try:
        # without a load or an oracle there is nothing to see: whoever ends first must be the nemesis
        await asyncio.wait({watching, loading, telling, working}, return_when=asyncio.FIRST_COMPLETED)
        for task in (watching, loading, telling, working):
            if task.done():
                task.result()
        await _heal(nemesis)
        stage.load.stop()
        await loading
        await _settle(report, stage, settle_seconds)
    finally:
        nemesis.heal()
        tasks = (watching, loading, telling, working)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _stage(report: Report, rate: float, folder: Path | None) -> AsyncIterator[Stage]:
    # directly below the temporary folder: started by root, PostgreSQL is another user
    home = Path(tempfile.mkdtemp(prefix="milepost-chaos-"))
    home.chmod(0o755)
    logs = folder or home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    ground = Ground(home)
    try:
        ground.start()
        await ground.make_ready()
        async with ModelServer() as models, open_site(
            ground, models, logs, lambda *_, **__: None, breakage=report.breakage
        ) as site:  # fmt: skip
            await site.owner.execute(trigger.INSTALL)
            async with _at_work(report, site, rate) as stage:
                yield stage
    finally:
        ground.end()
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def _at_work(report: Report, site: Site, rate: float) -> AsyncIterator[Stage]:
    with Journal(site.folder / "journal.jsonl") as journal:
        async with (
            open_lines(site.ground.postgres.port, site.ground.redis.port) as lines,
            staff(_starts(report, site, lines)) as posts,
            await site.client(patience=1.0, timeout=5.0, transport=witness.Witness(journal)) as client,
        ):
            yield Stage(site, posts, lines, Load(client, journal, seed=report.seed, rate=rate), report.lease_seconds)


def _starts(report: Report, site: Site, lines: Lines) -> dict[str, Start]:
    program = MARKED if report.breakage is None else product(report.breakage)
    commands = {
        "api": ["api", "--socket", site.socket_number],
        "worker-1": ["worker", "executions"],
        "worker-2": ["worker", "executions"],
        "worker-3": ["worker", "images", "executions"],
        "maintenance-1": ["maintain"],
        "maintenance-2": ["maintain"],
    }
    common = {"lease_seconds": str(report.lease_seconds), "grace_seconds": "5", "max_jobs": "50"}
    return {
        post: partial(site.start, post, [*program, *words], {**addresses(site, lines, post), **common})
        for post, words in commands.items()
    }


async def _tell(say: Say, nemesis: Nemesis, oracle: Oracle) -> None:
    while True:
        say("faults", nemesis, oracle)
        await asyncio.sleep(0.5)


async def _heal(nemesis: Nemesis) -> None:
    nemesis.heal()
    for post in nemesis.stage.posts.values():
        await post.holder()


async def _settle(report: Report, stage: Stage, seconds: float) -> None:
    """Until no job is open, but not for ever: what is open then is counted by the oracle."""
    began = time.monotonic()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await stage.fetch(OPEN))[0][0]:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.5)
            report.settled_after_s = round(time.monotonic() - began, 2)
