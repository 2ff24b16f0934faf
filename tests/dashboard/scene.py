"""A house with a job in every state, and the address of every page that people can come to."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from milepost.domain.outcome import Done, Failed
from milepost.engine.cancel import cancel
from milepost.kinds.executions import KIND as EXECUTION
from milepost.kinds.images import KIND as IMAGE
from milepost.queue.presence import Presence, show
from milepost.storage import paths
from tests.api_fixtures import Caller, House
from tests.dashboard.conftest import ended, ended_as, progressed, running, stored, waiting
from tests.factories import expected
from tests.images_fixtures import REQUEST, square

PROMPT = "Why do birds sing at dawn, when the light has not come yet and nobody but other birds is there to hear them?"
LONG = "\n\n".join(f"{number}. {PROMPT}" for number in range(1, 40))
WORKER = "a-host-with-a-rather-long-name-4711-a1b2"


@dataclass(frozen=True)
class Place:
    """Where a page is. `fields`: it is the answer to a form that sends them."""

    name: str
    path: str
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    signed_in: bool = True


@dataclass(frozen=True)
class Scene:
    """Jobs by what became of them, of whoever signs in by `caller`'s key."""

    caller: Caller
    jobs: Mapping[str, UUID]

    def places(self) -> Iterator[Place]:
        """Every page."""
        yield Place("sign-in", "/sign-in", signed_in=False)
        yield Place("sign-in refused", "/sign-in", {"key": "sk_nobody", "next": "/"}, signed_in=False)
        yield Place("overview", "/")
        yield Place("jobs", "/jobs")
        yield Place("jobs filtered", "/jobs?phase=failed&error_code=UPSTREAM_OVERLOADED&search=overloaded")
        yield Place("jobs found none", "/jobs?search=nobody+ever+wrote+this")
        yield Place("jobs older", f"/jobs?after=2100-01-01T00:00:00%2B00:00_{uuid7()}")
        for name, job_id in self.jobs.items():
            yield Place(f"job {name}", f"/jobs/{job_id}")
        yield Place("job after a cancel", f"/jobs/{self.jobs['cancelled']}?done=cancel")
        yield Place("not found", f"/jobs/{uuid7()}")
        yield Place("no such filter", "/jobs?phase=nonsense")
        yield Place("moved on", f"/jobs/{self.jobs['succeeded']}/cancel", {"version": "1", "reason": "Not needed"})
        yield Place("no number", f"/jobs/{self.jobs['failed']}/retry", {"timeout_seconds": "soon"})
        yield Place("too old a form", "/sign-out", {"form_token": "x"})


async def set_scene(house: House, caller: Caller) -> Scene:
    """Takes a worker's note and some twenty jobs."""
    await show(
        house.redis, Presence(WORKER, ("execution", "image_task"), 0, 8, time.time() - 4000, time.time()), life=600
    )
    later = datetime.now(UTC) + timedelta(minutes=20)
    jobs = {
        "waiting": (await waiting(house, caller, prompt=PROMPT)).id,
        "scheduled": (await waiting(house, caller, prompt="Not yet.", scheduled_at=later)).id,
        "running": await _running(house, caller),
        "late": await _late(house, caller),
        "stopping": await _stopping(house, caller),
        "succeeded": await _succeeded(house, caller),
        "failed": (await ended(house, caller, FAILED, prompt="The provider was overloaded.")).id,
        "waiting again": (await ended(house, caller, AGAIN, prompt="Try once more.")).id,
        "cancelled": await _cancelled(house, caller),
        **await _images(house, caller),
    }
    return Scene(caller, jobs)


FAILED = Failed("UPSTREAM_OVERLOADED", "The model's provider answered 529 three times: it is overloaded.")
AGAIN = Failed("PROVIDER_UNAVAILABLE", "The provider answered 503.", retry=True)


async def _running(house: House, caller: Caller) -> UUID:
    job = await running(house, caller, prompt=PROMPT, worker=WORKER)
    await progressed(house, job, 64, "answering", worker=WORKER, **expected(95))
    return job.id


async def _late(house: House, caller: Caller) -> UUID:
    job = await running(house, caller, prompt="Slowly.", worker=WORKER)
    await progressed(house, job, 30, "answering", worker=WORKER, **expected(200, 20))
    return job.id


async def _stopping(house: House, caller: Caller) -> UUID:
    job = await running(house, caller, prompt="Stop.", worker=WORKER)
    await cancel(house.database, EXECUTION, job.id, actor=f"user:{caller.user_id}")
    return job.id


async def _succeeded(house: House, caller: Caller) -> UUID:
    columns = {"output": LONG, "input_tokens": 1234, "output_tokens": 56, "tokens_used": 1290, "stop_reason": "end"}
    job = await ended(house, caller, Done(columns), prompt=LONG)
    await stored(caller, job.id, "notes of a rather long name for a small file.txt", "text/plain", b"Notes.")
    await stored(caller, job.id, "a picture.png", "image/png", square(48, 0x7A1FA2))
    return job.id


async def _cancelled(house: House, caller: Caller) -> UUID:
    job = await waiting(house, caller, prompt="Twice by mistake.")
    await cancel(house.database, EXECUTION, job.id, actor=f"user:{caller.user_id}", note="Asked twice by mistake")
    return job.id


async def _images(house: House, caller: Caller) -> dict[str, UUID]:
    drawn, wanted, refused = [await _image(house, caller) for _ in range(3)]
    content = square(320, 0x1769AA)
    sha256 = hashlib.sha256(content).hexdigest()
    await house.store.put(paths.image_file(house.database.name, sha256), content)
    result = {
        "image_id": str(uuid7()), "image_url": f"/v1/image_files/{sha256}.png", "width": 320, "height": 320, "sha256": sha256,
        "cached": False, "duration_ms": 912, "seed": 7, "tokens": 0, "renderer_version": "procedural/1",
    }  # fmt: skip
    await ended_as(house, IMAGE, drawn, Done({"result": json.dumps(result), "stage": "stored"}))
    await ended_as(house, IMAGE, refused, Failed("RENDERER_FAILED", "The renderer ended without a picture."))
    return {"sticker": drawn, "sticker waiting": wanted, "sticker failed": refused}


async def _image(house: House, caller: Caller) -> UUID:
    answer = await caller.http.post("/v1/images", json=REQUEST, headers={"Idempotency-Key": str(uuid7())})
    assert answer.status_code == 202, answer.text
    return UUID(answer.json()["id"])
