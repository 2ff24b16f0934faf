"""What is asked when all is over, one part after another; a part that fails is told, and keeps no other from its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from milepost.engine.verify import verify
from milepost.kinds import all_kinds
from tests.faults.chaos import account, leaks, sealed, witness
from tests.faults.chaos.nemesis import Nemesis
from tests.faults.chaos.oracle import Oracle
from tests.faults.chaos.report import Report
from tests.faults.chaos.stage import Stage
from tests.faults.invariants import Invariant

# of a part: far more than one takes, for a server that never comes back
PART_SECONDS = 600.0
SAME_ANSWER = Invariant("I8", "a key is answered with the same jobs")
VERIFIED = Invariant("", "milepost verify finds nothing wrong")
Part = Callable[[], Awaitable[None]]


async def judge(report: Report, stage: Stage, nemesis: Nemesis, oracle: Oracle) -> None:
    parts: dict[str, Part] = {
        "the invariants": oracle.at_rest,
        "milepost verify": lambda: _verify(stage, oracle),
        "the audit log": lambda: _verify_seals(stage, oracle),
        "leaks": lambda: _look_for_leaks(report, stage, oracle),
        "faults": lambda: account.tell_faults(report, nemesis),
        "requests": lambda: account.tell_requests(report, stage),
        "violations": lambda: account.tell_oracle(report, oracle),
        "recovery": lambda: account.tell_recovery(report, stage, nemesis),
        "the state": lambda: account.tell_state(report, stage),
    }
    oracle.note(SAME_ANSWER, [(key,) for key in stage.load.replies])
    oracle.note(witness.NAME, stage.load.journal.unexpected)
    for what, ask in parts.items():
        await part(report, what, ask, PART_SECONDS)


async def _verify(stage: Stage, oracle: Oracle) -> None:
    proof = await verify(stage.site.database, all_kinds())
    oracle.note(VERIFIED, [*proof.wrong, *((guard,) for guard in proof.guards)])


async def _verify_seals(stage: Stage, oracle: Oracle) -> None:
    oracle.note(sealed.NAME, await sealed.wrong(stage.site))


async def _look_for_leaks(report: Report, stage: Stage, oracle: Oracle) -> None:
    oracle.note(leaks.TRANSACTIONS, await leaks.transactions(stage))
    grown = leaks.grown(stage)
    oracle.note(leaks.PROCESSES, leaks.too_much(grown))
    report.sizes = {name: {"ready": begun._asdict(), "end": end._asdict()} for name, (begun, end) in grown.items()}


async def part(report: Report, what: str, ask: Part, limit: float | None) -> None:
    try:
        async with asyncio.timeout(limit):
            await ask()
    except Exception as error:  # noqa: BLE001 - the other parts are told
        report.fail(what, error)
