"""I16: the seals that maintenance made meanwhile, as `milepost audit verify` finds them."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from typing import Any

from tests.faults.invariants import Invariant
from tests.faults.process import PRODUCT
from tests.faults.site import Site

# the newest rows may not be sealed yet; what was tampered with stays so
PATIENCE = 60.0
NAME = Invariant("I16", "the audit log is as it was sealed")


async def wrong(site: Site) -> list[tuple[Any, ...]]:
    """What is wrong with it, and nothing where all is well."""
    ends = time.monotonic() + PATIENCE
    while True:
        code, said, complaint = await _verify(site)
        if code == 0:
            return []
        if time.monotonic() > ends:
            found = json.loads(said).get("wrong", []) if said.startswith("{") else []
            return [(str(one),) for one in found] or [(f"exit code {code}: {complaint[-500:]}",)]
        await asyncio.sleep(2)


async def _verify(site: Site) -> tuple[int | None, str, str]:
    asked = await asyncio.create_subprocess_exec(
        sys.executable, *PRODUCT, "audit", "verify", "--json",
        env=site.environment(sealer_database_url=site.addresses.sealer),
        stdout=PIPE,
        stderr=PIPE,
    )  # fmt: skip
    said, complaint = await asked.communicate()
    return asked.returncode, said.decode(), complaint.decode()
