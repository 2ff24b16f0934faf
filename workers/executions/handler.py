"""Runs one execution: asks the model, counts as it answers, keeps the answer."""

from __future__ import annotations

import json
import time
from contextlib import aclosing
from typing import Any

from milepost.domain.job import Job
from milepost.domain.outcome import Again, Done, Failed, Outcome
from milepost.engine.context import Context
from milepost.storage import StoreRefused
from workers.executions.answer import MOST_BYTES, keep
from workers.executions.models import Model
from workers.executions.providers.errors import no_model
from workers.executions.providers.port import Provider, ProviderError, Stop, Text, Usage
from workers.executions.tally import Tally

# how often a running answer says how far it is; each saying is a write
SAY_EVERY = 1.0
# an answer's length is not known before its end: the last stretch is kept for storing it
ASKING, ANSWERING, STORING = 2, 90, 95


async def run(job: Job, ctx: Context) -> Outcome:
    """The answer, or what to do about not having one."""
    try:
        model, provider = await _resolve(job, ctx)
    except ProviderError as error:
        return _failed(error, {})
    tally = Tally(job, model, job["prompt"])
    try:
        text, stop = await _ask(job, ctx, provider, tally)
        if stop is None:
            return Failed(
                "OUTPUT_TOO_LARGE", "The answer is longer than 16 MiB. Lower max_tokens.", columns=tally.columns()
            )
        await ctx.progress(STORING, "storing")
        kept = await keep(ctx.ports["store"], ctx.tenant, job, text)
    except ProviderError as error:
        return _failed(error, tally.columns())
    except StoreRefused as error:
        return Failed("ARTIFACT_STORE", f"The answer could not be stored: {error}", retry=True, columns=tally.columns())
    except BaseException:
        ctx.keep(tally.columns())
        raise
    ctx.keep(tally.columns())
    columns = {**tally.columns(), "output": kept.output, "stop_reason": stop[:50]}
    return Done(columns, kept.effects)


async def _resolve(job: Job, ctx: Context) -> tuple[Model, Provider]:
    """Raises ProviderError before any cost: no such active model, or no credential for its provider."""
    model = await ctx.ports["models"].find(ctx.database, job["model"])
    if model is None or not model.is_active:
        raise no_model(job["model"])
    return model, await ctx.ports["providers"].find(model.provider)


async def _ask(job: Job, ctx: Context, provider: Provider, tally: Tally) -> tuple[str, str | None]:
    """The whole answer and why it stopped; no reason when it grew too long."""
    pieces: list[str] = []
    said = time.monotonic()
    await ctx.progress(ASKING, "asking")
    tally.asked = True
    stream = provider.stream(
        prompt=job["prompt"], model=job["model"], max_tokens=job["max_tokens"], key=ctx.idempotency_key
    )
    async with aclosing(stream) as events:
        async for event in events:
            match event:
                case Text(text):
                    pieces.append(text)
                    tally.received += len(text.encode())
                    if tally.received > MOST_BYTES:
                        return "".join(pieces), None
                case Usage():
                    first = tally.reported is None
                    tally.hear(event)
                    if first and not event.final:
                        await ctx.tell(tally.columns())
                case Stop(reason):
                    return "".join(pieces), reason
            if time.monotonic() - said > SAY_EVERY:
                said = time.monotonic()
                await ctx.tell({**tally.columns(), **_progress(job, tally)})
    return "".join(pieces), "end"


def _progress(job: Job, tally: Tally) -> dict[str, Any]:
    share = min(1.0, tally.received / 4 / job["max_tokens"])
    return {"progress": ASKING + int(share * (ANSWERING - ASKING)), "stage": "answering"}


def _failed(error: ProviderError, columns: Any) -> Outcome:
    details = {"error_details": json.dumps(error.details)} if error.details else {}
    if not error.sent:
        columns = {}
    if error.code == "PROVIDER_RATE_LIMITED" and error.wait is not None and not error.sent:
        return Again(error.wait, error.code, error.message, columns={**columns, **details})
    return Failed(error.code, error.message, retry=error.retry, wait=error.wait, columns={**columns, **details})
