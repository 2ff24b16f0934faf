"""Other job queues on the same servers with the same no-op jobs, each in a process of the environment .venv-peers.

`tools/make_peers.sh` makes that environment. Each module `with_…` is one peer at its best settings and says which and why;
it is run as `python MODULE.py ADDRESS JOBS` and prints one line of JSON: `drain_per_s`, `bulk_per_s`, `hundred_per_s`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.drain_processes import drain
from benchmarks.figures import PEERS, Figures, Tell
from benchmarks.stage import Servers, place

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv-peers" / "bin" / "python"
NAMES = ("milepost", *PEERS)
PATIENCE = 180.0
DATABASE = "bench_peer"


class PeerFailed(Exception):
    """It does not run here; the message is the end of what it said."""


def measure(name: str, jobs: int) -> Callable[[Servers, Figures, Tell], Awaitable[None]]:
    async def run(on: Servers, figures: Figures, _: Tell) -> None:
        if name == "milepost":
            async with place(on) as here:
                figures.add({"peers.milepost.drain_per_s": await drain(here, on, jobs, 1)})
            return
        try:
            found = await _peer(name, on, jobs)
        except PeerFailed as failure:
            figures.failed[f"peers.{name}"] = str(failure)
            return
        figures.add({f"peers.{name}.{key}": value for key, value in found.items()})

    return run


async def _peer(name: str, on: Servers, jobs: int) -> dict[str, Any]:
    """Raises PeerFailed."""
    if not PYTHON.exists():
        raise PeerFailed("there is no .venv-peers: sh tools/make_peers.sh")
    address = await _fresh(on, name)
    process = await asyncio.create_subprocess_exec(
        str(PYTHON), str(HERE / f"with_{name}.py"), address, str(jobs),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        said, complained = await asyncio.wait_for(process.communicate(), PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise PeerFailed(f"no end after {PATIENCE:.0f} s") from None
    if process.returncode:
        lines = complained.decode(errors="replace").strip().splitlines()
        raise PeerFailed((lines or [f"exit code {process.returncode}"])[-1][:300])
    return json.loads(said.decode().strip().splitlines()[-1])


async def _fresh(on: Servers, name: str) -> str:
    """An empty database, or database 1 of Redis, which nobody else uses."""
    if name.endswith("redis"):
        return f"{on.redis_url.rsplit('/', 1)[0]}/1"
    admin = await asyncpg.connect(on.owner_url)
    await admin.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
    await admin.execute(f'CREATE DATABASE "{DATABASE}"')
    await admin.close()
    address, _, query = on.owner_url.partition("?")
    return f"{address.rsplit('/', 1)[0]}/{DATABASE}" + (f"?{query}" if query else "")
