"""The checks of `milepost doctor`: each looks at one thing and never raises."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Literal

import httpx2

from milepost.cli.database import open_tenant
from milepost.cli.exposure import weaknesses
from milepost.cli.extras import WITHOUT, mend_of_extra, missing_extras
from milepost.cli.found import client_of
from milepost.cli.guard_mends import mend_of
from milepost.cli.sealing import open_control
from milepost.db import about as databases
from milepost.db import migrate, seals
from milepost.db.locations import History
from milepost.db.seals import CONTROL
from milepost.domain.errors import MilepostError
from milepost.embedded.folder import is_locked
from milepost.engine.guards_check import look_at_guards, missing_audit_guards
from milepost.engine.maintain import DUTY
from milepost.engine.seal import ALARM, position_after
from milepost.kinds import all_kinds
from milepost.queue.about import about as about_redis
from milepost.queue.connection import connect
from milepost.settings import Settings, read_stack
from milepost.wiring import open_runtime

Result = Literal["ok", "warn", "fail"]
PROBE = "storage/doctor/probe-"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do about it."""

    what: str
    result: Result
    told: str
    mend: str = ""


OWNERS: dict[History, str] = {"control": "control_owner_database_url", "tenant": "owner_database_url"}
Check = Callable[[Settings], AsyncIterator[Finding]]


async def examine(settings: Settings) -> list[Finding]:
    """Every finding, in the order in which one thing rests on another."""
    findings: list[Finding] = []
    for name, check in CHECKS.items():
        try:
            findings += [finding async for finding in check(settings)]
        except MilepostError as error:
            findings.append(Finding(name, "fail", str(error), error.hint or ""))
        except Exception as error:  # noqa: BLE001 - a check that breaks is a finding
            findings.append(Finding(name, "fail", f"{type(error).__name__}: {error}"))
    return findings


async def _stack(settings: Settings) -> AsyncIterator[Finding]:
    stack, folder = read_stack(settings.data_dir), settings.data_dir.absolute()
    process = f"process {stack.get('pids', {}).get('up')}"
    if not stack:
        yield Finding("stack", "warn", f"none in {folder}", "'milepost up' starts one there.")
    elif is_locked(folder):
        yield Finding("stack", "ok", f"{folder}, {process}")
    else:
        told = f"{folder} is what {process} left behind, which ended without stopping it"
        yield Finding("stack", "fail", told, "'milepost up' starts it again.")


async def _postgres(settings: Settings) -> AsyncIterator[Finding]:
    async with open_tenant(settings) as database:
        major, version = await databases.version(database)
        if major < databases.OLDEST:
            yield Finding("postgres", "fail", f"version {version}", f"At least {databases.OLDEST} is needed.")
        else:
            yield Finding("postgres", "ok", f"version {version}")
        await databases.check_writable(database)
        guards = await look_at_guards(database, all_kinds())
        if guards.problems:
            newest = await _is_newest(settings, "tenant")
            for problem in guards.problems:
                yield Finding("guards", "fail", problem, mend_of(problem, newest=newest))
        else:
            yield Finding("guards", "ok", "every trigger stands, forgeries are refused, edges are the machines'")
        for strong in guards.too_strong:
            told = f"{strong}: the audit log rests on triggers alone"
            yield Finding("role", "warn", told, "Use a login that is a member of milepost_app and owns nothing.")
        if not guards.too_strong:
            yield Finding("role", "ok", "the application's login owns nothing")
        leader = await databases.leader(database, DUTY)
        if leader is None:
            yield Finding("maintenance", "fail", "nobody leads", "Start one: 'milepost maintain'.")
        else:
            yield Finding("maintenance", "ok", f"led by {leader}")


async def _migrations(settings: Settings) -> AsyncIterator[Finding]:
    for name, setting in OWNERS.items():
        if getattr(settings, setting) is None:
            told = f"{name}: unknown without the owner's address"
            yield Finding("migrations", "warn", told, f"Set MILEPOST_{setting.upper()} to have it checked.")
            continue
        at, head = await migrate.current(settings.need(setting)), migrate.head(name)
        if at == head:
            yield Finding("migrations", "ok", f"{name} at {at}, the newest")
        else:
            yield Finding(
                "migrations", "fail", f"{name} at {at or 'nothing'}, the newest is {head}", "'milepost migrate'"
            )


async def _is_newest(settings: Settings, name: History) -> bool:
    """False as well where nobody told the owner's address, who alone may read it."""
    if getattr(settings, OWNERS[name]) is None:
        return False
    return await migrate.current(settings.need(OWNERS[name])) == migrate.head(name)


async def _sealing(settings: Settings) -> AsyncIterator[Finding]:
    async with open_control(settings) as control, open_tenant(settings) as tenant:
        for trigger in await missing_audit_guards(control):
            newest = await _is_newest(settings, "control")
            yield Finding("sealing", "fail", trigger, mend_of(trigger, newest=newest))
        for name, database in ((tenant.name, tenant), (CONTROL, control)):
            last = await seals.last_seal(control, name)
            late = await seals.lag(database, name, position_after(last))
            if late > ALARM:
                told = f"the audit log of {name} is sealed {late:,.0f} seconds late"
                yield Finding("sealing", "fail", told, "Maintenance seals; its log says why it does not.")
            else:
                yield Finding("sealing", "ok", f"{name}: {0 if last is None else last.tree_size:,} audit rows sealed")


async def _redis(settings: Settings) -> AsyncIterator[Finding]:
    redis = connect(settings.need("redis_url"), timeout=2.0)
    try:
        facts = await about_redis(redis)
    finally:
        await redis.aclose()
    yield Finding("redis", "ok", f"{facts.name} {facts.version}")
    if facts.eviction in {None, "noeviction"}:
        yield Finding("redis", "ok", f"maxmemory-policy {facts.eviction or 'is not told'}")
    else:
        told = f"maxmemory-policy {facts.eviction}: bells may be thrown away"
        yield Finding("redis", "warn", told, "CONFIG SET maxmemory-policy noeviction")
    if not facts.append_only:
        told = "no append-only file: a restart costs the seconds until maintenance rings again"
        yield Finding("redis", "warn", told, "CONFIG SET appendonly yes")


async def _runtime(settings: Settings) -> AsyncIterator[Finding]:
    async with open_runtime(settings, "api") as runtime:
        yield Finding("keys", "ok", "the master key opens the tenant's key")
        at_work = await runtime.doorbell.workers()
        for kind in runtime.kinds:
            able = [worker for worker in at_work if kind.name in worker.kinds]
            if able:
                yield Finding("workers", "ok", f"{len(able)} for {kind.path}, {sum(w.running for w in able)} jobs now")
            else:
                yield Finding("workers", "fail", f"none for {kind.path}", f"Start one: 'milepost worker {kind.path}'.")
        path = f"{PROBE}{runtime.instance.lower()}"
        await runtime.store.put(path, b"probe")
        await runtime.store.delete(path)
        yield Finding("storage", "ok", f"{settings.storage or settings.data_dir / 'files'} can be written")


async def _api(settings: Settings) -> AsyncIterator[Finding]:
    async with httpx2.AsyncClient(timeout=5.0) as http:
        try:
            answer = await http.get(f"{settings.api_url}/readyz")
        except httpx2.TransportError as error:
            mend = "'milepost api' serves it; MILEPOST_API_URL says where."
            yield Finding("api", "fail", f"{settings.api_url} does not answer: {error}", mend)
            return
    ready = answer.is_success
    yield Finding("api", "ok" if ready else "fail", f"{settings.api_url} is {'ready' if ready else 'not ready'}")
    if settings.api_key is None:
        yield Finding("api", "warn", "no key to try it with", "'milepost keys create NAME' makes one.")
        return
    async with client_of(settings, patience=2.0) as client:
        await client.summary()
    yield Finding("api", "ok", "the key is accepted")


async def _providers(settings: Settings) -> AsyncIterator[Finding]:
    given = {
        "Anthropic": settings.anthropic_api_key,
        "OpenAI": settings.openai_api_key,
        "Google": settings.google_api_key,
    }
    names = [name for name, key in given.items() if key is not None]
    mend = "Set MILEPOST_ANTHROPIC_API_KEY, MILEPOST_OPENAI_API_KEY or MILEPOST_GOOGLE_API_KEY."
    if names:
        yield Finding("providers", "ok", f"keys for {', '.join(names)}")
    elif settings.mode == "production":
        yield Finding("providers", "fail", "no provider of language models has a key", mend)
    else:
        yield Finding("providers", "warn", "no keys: offline/extract answers, which asks no model", mend)


async def _extras(settings: Settings) -> AsyncIterator[Finding]:  # noqa: ARG001 - a check is given them
    missing = missing_extras()
    for extra in missing:
        told = f"milepost[{extra}] is not installed here: {WITHOUT[extra]} by workers of this environment"
        yield Finding("extras", "warn", told, mend_of_extra(extra))
    if not missing:
        yield Finding("extras", "ok", "workers here can draw, and ask language models")


async def _exposure(settings: Settings) -> AsyncIterator[Finding]:
    weak = list(weaknesses(settings))
    for told, mend in weak:
        yield Finding("exposure", "warn", told, mend)
    if not weak:
        yield Finding("exposure", "ok", "nothing is left open to others on the network")


CHECKS: dict[str, Check] = {
    "stack": _stack,
    "exposure": _exposure,
    "postgres": _postgres,
    "migrations": _migrations,
    "sealing": _sealing,
    "redis": _redis,
    "keys": _runtime,
    "api": _api,
    "providers": _providers,
    "extras": _extras,
}
