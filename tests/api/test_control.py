"""Cancelling and retrying over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from milepost.db.tenants import TenantDatabase
from tests.api.conftest import Hire, Person
from tests.api_fixtures import House
from tests.factories import TABLE

PATH = "/v1/executions"


async def submit(person: Person) -> str:
    return (await person.http.post(PATH, json={"prompt": "Say something."})).headers["location"]


async def claim(database: TenantDatabase, path: str) -> None:
    await database.ledger.claim(TABLE, [(UUID(path.rsplit("/", 1)[1]), 1)], "w1", 20)


async def test_a_waiting_job_is_cancelled_at_once_and_again_is_no_harm(caster: Person) -> None:
    path = await submit(caster)

    first = await caster.http.post(f"{path}/cancel", json={"reason": "not needed"})
    again = await caster.http.post(f"{path}/cancel")

    assert (first.status_code, first.json()["status"], first.json()["version"]) == (200, "CANCELLED", 2)
    assert first.json()["status_reason"] == "cancelled not needed"
    assert (again.status_code, again.json()["version"]) == (200, 2)
    assert first.headers["etag"] == (await caster.http.get(path)).headers["etag"]


async def test_a_running_job_is_asked_to_stop(caster: Person, database: TenantDatabase) -> None:
    path = await submit(caster)
    await claim(database, path)

    answer = await caster.http.post(f"{path}/cancel")

    assert (answer.status_code, answer.json()["status"], answer.json()["version"]) == (202, "RUNNING", 2)
    assert answer.json()["cancel_requested_at"] is not None


async def test_a_retry_needs_an_end_that_is_no_success(caster: Person) -> None:
    path = await submit(caster)

    early = await caster.http.post(f"{path}/retry")
    await caster.http.post(f"{path}/cancel")
    retried = await caster.http.post(f"{path}/retry", json={"reason": "again", "timeout": 30})

    assert (early.status_code, early.json()["type"]) == (409, "/problems/illegal-transition")
    assert early.json()["current"] == {"status": "PENDING", "version": 1}
    found = retried.json()
    assert (retried.status_code, found["status"], found["version"], found["timeout_seconds"]) == (200, "PENDING", 3, 30)
    assert (found["attempt"], found["cancel_requested_at"], found["finished_at"]) == (0, None, None)


async def test_a_retry_answers_with_the_time_that_the_job_keeps(caster: Person) -> None:
    later = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    made = await caster.http.post(PATH, json={"prompt": "Later.", "scheduled_at": later})
    path = made.headers["location"]
    await caster.http.post(f"{path}/cancel")

    retried = (await caster.http.post(f"{path}/retry")).json()
    why = (await caster.http.get(f"{path}/why")).json()

    assert (retried["status"], retried["scheduled_at"]) == ("PENDING", later)
    assert (why["reason"], why["due_at"]) == ("not_due", later)


async def test_if_match_compares_the_version_alone(caster: Person) -> None:
    path = await submit(caster)
    tag = (await caster.http.get(path)).headers["etag"]

    stale = await caster.http.post(f"{path}/cancel", headers={"If-Match": '"2"'})
    done = await caster.http.post(f"{path}/cancel", headers={"If-Match": tag})
    retried = await caster.http.post(f"{path}/retry", headers={"If-Match": '"2"'})

    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/version-conflict")
    assert stale.json()["current"] == {"status": "PENDING", "version": 1}
    assert (done.status_code, retried.status_code) == (200, 200)


async def test_a_reason_is_one_short_line_in_any_script(caster: Person) -> None:
    path = await submit(caster)

    refused = [
        (await caster.http.post(f"{path}/cancel", json={"reason": reason})).json()["type"]
        for reason in ("x" * 201, 5, ["a"], *(f"a{c}b" for c in "\n\x00\x1b\x7f\x85\x9b\u2028\u2029\u202e\u2066\u200f"))
    ]
    longest = await caster.http.post(f"{path}/cancel", json={"reason": "𝄞" * 200})

    text, wrong = "/problems/invalid-text", "/problems/validation-failed"
    assert refused == ["/problems/too-long", wrong, wrong, *[text] * 11]
    assert longest.status_code == 200, longest.text
    assert longest.json()["status_reason"].startswith("cancelled 𝄞")


async def test_bad_bodies_and_parameters_are_refused_on_control_routes_too(caster: Person) -> None:
    path = await submit(caster)

    unknown = await caster.http.post(f"{path}/cancel", json={"status": "COMPLETED"})
    query = await caster.http.post(f"{path}/cancel?force=1")
    form = await caster.http.post(f"{path}/retry", content=b"reason=x", headers={"Content-Type": "text/plain"})
    limit = await caster.http.post(f"{path}/retry", json={"timeout_seconds": 86_401})

    assert [answer.json()["type"].rsplit("/", 1)[1] for answer in (unknown, query, form, limit)] == [
        "unknown-field", "unknown-field", "unsupported-media-type", "out-of-range",
    ]  # fmt: skip


async def test_a_scope_that_several_kinds_ask_for_is_named_once(house: House) -> None:
    reader = await house.caller("job:read")
    refused = await reader.http.post(f"/v1/jobs/{uuid7()}/cancel")

    assert refused.json()["detail"] == "This needs the scope job:submit or ops:deploy."


async def test_operators_control_every_job_and_auditors_none(caster: Person, hire: Hire, owner: Any) -> None:
    path = await submit(caster)
    operator, auditor = await hire("operator"), await hire("auditor")

    refused = await auditor.http.post(f"{path}/cancel")
    done = await operator.http.post(f"{path}/cancel")

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/insufficient-scope")
    assert done.status_code == 200
    assert await owner.fetchval("SELECT status_actor FROM executions") == f"key:{operator.key_id}"
