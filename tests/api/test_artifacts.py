"""Files of executions: announced, uploaded, checked, read in parts, archived, deleted."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any
from uuid import UUID

import pytest

from milepost.storage import paths
from milepost.storage.reading import BrokenOff
from tests.api_fixtures import Caller, House
from tests.factories import TABLE, new_execution

TEXT = b"0123456789" * 100
DIGEST = hashlib.sha256(TEXT).hexdigest()


async def execution(house: House, caller: Caller) -> UUID:
    return (await house.database.ledger.submit(TABLE, new_execution(user_id=caller.user_id))).job.id


async def announced(caller: Caller, job_id: UUID, **changes: Any) -> dict[str, Any]:
    body = {"file_name": "numbers.txt", "file_size": len(TEXT), "mime_type": "text/plain", **changes}
    answer = await caller.http.post(f"/v1/executions/{job_id}/artifacts", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def uploaded(caller: Caller, job_id: UUID, **changes: Any) -> dict[str, Any]:
    made = await announced(caller, job_id, **changes)
    answer = await caller.http.put(made["upload_url"], content=TEXT)
    assert answer.status_code == 200, answer.text
    return answer.json()


def slug(answer: Any) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    return f"{answer.status_code} {answer.json()['type'].rsplit('/', 1)[1]}"


def files(house: House) -> list[str]:
    root = house.store._root
    assert root is not None
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]


async def test_an_announced_file_is_uploaded_checked_and_read_back(house: House, owner: Any) -> None:
    me = await house.caller()
    job_id = await execution(house, me)
    made = await announced(me, job_id, checksum=DIGEST.upper(), tags={"lang": "en"}, retention_days=10)
    done = (await me.http.put(made["upload_url"], content=TEXT)).json()
    read = await me.http.get(made["upload_url"])
    listed = (await me.http.get(f"/v1/executions/{job_id}/artifacts")).json()["items"]
    audit = await owner.fetch("SELECT action, actor FROM audit_logs WHERE resource_id = $1 ORDER BY id", made["id"])

    assert (made["status"], done["status"], done["checksum"]) == ("UPLOADING", "ACTIVE", DIGEST)
    assert (done["execution_id"], done["tags"], done["expires_at"] is not None) == (str(job_id), {"lang": "en"}, True)
    assert done["file_path"].startswith(f"storage/default/executions/{job_id}/{made['id']}/")
    assert read.content == TEXT
    assert (read.headers["etag"], read.headers["content-type"]) == (f'"{DIGEST}"', "text/plain; charset=utf-8")
    assert read.headers["content-disposition"] == "attachment; filename*=UTF-8''numbers.txt"
    assert read.headers["x-content-type-options"] == "nosniff"
    assert listed == [done]
    assert [tuple(row) for row in audit] == [("artifact.uploading", me.actor), ("artifact.active", me.actor)]


async def test_wrong_bytes_end_the_announcement_and_leave_no_file(house: House) -> None:
    me = await house.caller()
    job_id = await execution(house, me)
    for changes in ({"checksum": "0" * 64}, {"file_size": len(TEXT) + 1}, {"file_size": len(TEXT) - 1}):
        made = await announced(me, job_id, **changes)
        answer = await me.http.put(made["upload_url"], content=TEXT)
        now = (await me.http.get(f"/v1/artifacts/{made['id']}")).json()

        assert slug(answer) == "422 checksum-mismatch"
        assert now["status"] == "DELETED"
        assert slug(await me.http.put(made["upload_url"], content=TEXT)) == "409 illegal-transition"
    assert files(house) == []


async def test_of_two_uploads_at_once_one_wins_and_the_other_leaves_no_file(house: House) -> None:
    me = await house.caller()
    made = await announced(me, await execution(house, me))
    answers = await asyncio.gather(*(me.http.put(made["upload_url"], content=TEXT) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert len(files(house)) == 1
    assert (await me.http.get(made["upload_url"])).content == TEXT


async def test_a_range_is_answered_with_its_part(house: House) -> None:
    me = await house.caller()
    url = f"/v1/artifacts/{(await uploaded(me, await execution(house, me)))['id']}/content"
    asked = {
        "bytes=0-9": (206, TEXT[:10]), "bytes=990-": (206, TEXT[990:]), "bytes=-5": (206, TEXT[-5:]),
        "bytes=995-2000": (206, TEXT[995:]), "bytes=5-2": (200, TEXT), "lines=1-2": (200, TEXT),
        "bytes=0-1,3-4": (200, TEXT), "bytes=-": (200, TEXT),
    }  # fmt: skip
    for header, (status, content) in asked.items():
        answer = await me.http.get(url, headers={"Range": header})
        assert (answer.status_code, answer.content) == (status, content), header
    part = await me.http.get(url, headers={"Range": "bytes=10-19"})
    other = await me.http.get(url, headers={"Range": "bytes=10-19", "If-Range": '"another"'})
    beyond = await me.http.get(url, headers={"Range": "bytes=1000-"})
    known = await me.http.get(url, headers={"If-None-Match": f'"{DIGEST}"'})

    assert (part.headers["content-range"], part.headers["content-length"]) == ("bytes 10-19/1000", "10")
    assert (other.status_code, beyond.headers["content-range"]) == (200, "bytes */1000")
    assert slug(beyond) == "416 range-not-satisfiable"
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize("odd", ["日/本", "text/plain\r\nX-A: b", "a\x01/b", "text", "text/plain; charset=é", ""])
async def test_a_media_type_that_no_header_may_hold_is_not_sent(house: House, owner: Any, odd: str) -> None:
    me = await house.caller()
    url = f"/v1/artifacts/{(await uploaded(me, await execution(house, me)))['id']}/content"
    await owner.execute("UPDATE artifacts SET mime_type = $1", odd)

    answer = await me.http.get(url)

    assert (answer.status_code, answer.content) == (200, TEXT)
    assert answer.headers["content-type"] == "application/octet-stream"


async def test_an_archived_file_stays_readable_and_a_deleted_one_does_not(house: House, owner: Any) -> None:
    me = await house.caller()
    made = await uploaded(me, await execution(house, me))
    url = f"/v1/artifacts/{made['id']}"
    archived = await me.http.post(f"{url}/archive")
    again = await me.http.post(f"{url}/archive")
    read = await me.http.get(f"{url}/content")
    deleted = await me.http.delete(url)
    audit = await owner.fetch("SELECT action FROM audit_logs WHERE resource_id = $1 ORDER BY id", made["id"])

    assert (archived.json()["status"], archived.json()["archived_at"] is not None) == ("ARCHIVED", True)
    assert (again.json(), read.content, deleted.status_code) == (archived.json(), TEXT, 204)
    assert slug(await me.http.get(f"{url}/content")) == "404 not-found"
    assert (await me.http.get(url)).json()["status"] == "DELETED"
    assert slug(await me.http.post(f"{url}/archive")) == "409 illegal-transition"
    assert (await me.http.delete(url)).status_code == 204
    assert files(house) == []
    assert [row["action"] for row in audit][2:] == ["artifact.archived", "artifact.deleted"]


async def test_a_stored_file_is_registered_only_when_size_and_digest_are_right(house: House) -> None:
    me = await house.caller()
    job_id = await execution(house, me)
    path = paths.execution_folder("default", job_id) + "report/one.txt"
    await house.store.put(path, TEXT)
    url = f"/v1/executions/{job_id}/artifacts"
    body = {"file_name": "one.txt", "file_path": path, "file_size": len(TEXT)}
    good = await me.http.post(url, json={**body, "executionId": str(job_id)})
    wrong_size = await me.http.post(url, json={**body, "file_size": 5})
    wrong_digest = await me.http.post(url, json={**body, "checksum": "0" * 64})
    missing = await me.http.post(url, json={**body, "file_path": path + "x"})
    outside = await me.http.post(url, json={**body, "file_path": "storage/default/executions/../../x"})

    assert (good.status_code, good.json()["status"], good.json()["checksum"]) == (201, "ACTIVE", DIGEST)
    assert "upload_url" not in good.json()
    assert slug(wrong_size) == slug(wrong_digest) == "422 checksum-mismatch"
    assert slug(missing) == slug(outside) == "422 validation-failed"
    assert len((await me.http.get(url)).json()["items"]) == 1


async def test_names_that_could_be_taken_for_paths_are_refused(house: House) -> None:
    me = await house.caller()
    url = f"/v1/executions/{await execution(house, me)}/artifacts"
    for name in ("a/b", "..", ".", "a\\b", "a\nb", "a\u202eb", "C:\\x"):
        answer = await me.http.post(url, json={"file_name": name, "file_size": 1})
        assert slug(answer) == "422 invalid-name", name
    for changes, expected in {
        "file_name": ("", "422 validation-failed"), "file_size": (-1, "422 out-of-range"),
        "mime_type": ("text", "422 validation-failed"), "tags": ({"milepost.role": "x"}, "422 invalid-name"),
        "checksum": ("xyz", "422 validation-failed"), "retention_days": (0, "422 out-of-range"),
        "status": ("ACTIVE", "422 unknown-field"), "execution_id": (str(UUID(int=1)), "422 validation-failed"),
    }.items():  # fmt: skip
        value, problem = expected if isinstance(expected, tuple) else (None, expected)
        answer = await me.http.post(url, json={"file_name": "x", "file_size": 1, changes: value})
        assert slug(answer) == problem, changes


async def test_another_owners_files_do_not_exist(house: House) -> None:
    me, somebody = await house.caller(), await house.caller()
    made = await uploaded(me, await execution(house, me))
    nothing = await somebody.http.get(f"/v1/artifacts/{UUID(int=7)}")
    url = f"/v1/artifacts/{made['id']}"
    answers = [
        await somebody.http.get(url), await somebody.http.get(f"{url}/content"), await somebody.http.delete(url),
        await somebody.http.post(f"{url}/archive"), await somebody.http.put(f"{url}/content", content=b"x"),
    ]  # fmt: skip

    for answer in answers:
        assert slug(answer) == "404 not-found"
        assert {**answer.json(), "instance": ""} == {**nothing.json(), "instance": ""}
    reader = await house.caller("audit:read", "job:read", role="auditor")
    assert (await reader.http.get(f"{url}/content")).content == TEXT
    assert slug(await reader.http.delete(url)) == "403 insufficient-scope"


async def test_a_file_that_was_damaged_breaks_off_instead_of_being_handed_out_whole(house: House) -> None:
    me = await house.caller()
    made = await uploaded(me, await execution(house, me))
    root = house.store._root
    assert root is not None
    (root / made["file_path"].removeprefix("storage/")).write_bytes(b"X" * len(TEXT))
    with pytest.raises(BrokenOff, match="SHA-256"):  # a server ends the answer short
        await me.http.get(f"/v1/artifacts/{made['id']}/content")
