"""If-Match, If-None-Match, Range and If-Range as RFC 9110 has them: of jobs by their version, of files by their bytes."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.api_fixtures import Caller, House
from tests.images_fixtures import Brush, Easel

PATH = "/v1/executions"
TEXT = bytes(range(256)) * 4
TAG = f'"{hashlib.sha256(TEXT).hexdigest()}"'
OTHER = '"0"'

# of a job at version 1
MATCHES = {
    '"1"': True,
    '"1.0a1b2c3d4e5f"': True,
    "*": True,
    ' "1" ': True,
    '"2", "1"': True,
    '"2" ,\t"1", "a,b"': True,
    ', "1",, ': True,
    '"2"': False,
    '"2", "3"': False,
    '"abc"': False,
    '"a,b"': False,
    '""': False,
    '"0"': False,
    '"01"': False,
    '"-1"': False,
    '"99999999999"': False,
    '"1.A"': False,
    'W/"1"': False,
    'W/"1", W/"1.0a1b2c3d4e5f"': False,
    'W/"1", "2"': False,
    'W/"2", "1"': True,
    '"é"': False,
}
NO_LISTS = [
    "1",
    '"1 "',
    "",
    " ",
    ",",
    "abc",
    '"1',
    '1"',
    '"1" "2"',
    '*, "1"',
    "**",
    'w/"1"',
    'W/ "1"',
    "W/*",
    '"1";a',
    '"a"b"',
]


def slug(answer: Any) -> str:
    return f"{answer.status_code} {answer.json()['type'].rsplit('/', 1)[1]}"


async def acted(caller: Caller, verb: str, job_id: str, fields: Any) -> Any:
    path = f"{PATH}/{job_id}"
    match verb:
        case "cancel":
            return await caller.http.post(f"{path}/cancel", headers=fields)
        case "retain":
            return await caller.http.patch(path, json={"is_permanent": True}, headers=fields)
        case "read":
            return await caller.http.get(path, headers=fields)
        case _:
            return await caller.http.head(path, headers=fields)


@pytest.mark.parametrize("verb", ["cancel", "retain", "read", "head"])
async def test_a_job_is_at_one_of_the_versions_that_if_match_names_or_nothing_happens(house: House, verb: str) -> None:
    caller = await house.caller()
    for field, matches in MATCHES.items():
        if verb == "retain" and field == "*":  # a change needs a version
            continue
        job = await caller.submit()
        answer = await acted(caller, verb, job["id"], [(b"If-Match", field.encode("latin-1"))])
        assert answer.status_code == (200 if matches else 412), field
        if verb != "head" and not matches:
            assert slug(answer) == "412 version-conflict"
            assert answer.json()["current"] == {"status": "PENDING", "version": 1}
        now = (await caller.http.get(f"{PATH}/{job['id']}")).json()
        changed = now["status"] == "CANCELLED" or now["is_permanent"]
        assert changed == (matches and verb in {"cancel", "retain"}), field


async def test_fields_on_several_lines_are_one_list(house: House) -> None:
    caller = await house.caller()
    job = await caller.submit()

    lines = [("If-Match", '"2"'), ("If-Match", '"1"')]
    assert (await acted(caller, "read", job["id"], lines)).status_code == 200
    assert (await acted(caller, "read", job["id"], [*lines[:1], ("If-Match", 'W/"1"')])).status_code == 412
    assert (await acted(caller, "cancel", job["id"], lines)).status_code == 200


@pytest.mark.parametrize("verb", ["cancel", "retain", "read"])
async def test_what_is_no_list_of_tags_is_refused_and_not_passed_over(house: House, verb: str) -> None:
    caller = await house.caller()
    job = await caller.submit()
    for field in NO_LISTS:
        answer = await acted(caller, verb, job["id"], {"If-Match": field})
        assert slug(answer) == "400 bad-request", field
    assert (await caller.http.get(f"{PATH}/{job['id']}")).json()["version"] == 1


async def test_a_wrong_request_is_wrong_whatever_it_believes_to_be_there(house: House) -> None:
    caller = await house.caller()
    job = await caller.submit()

    answer = await caller.http.post(f"{PATH}/{job['id']}/cancel", json={"nonsense": 1}, headers={"If-Match": '"7"'})

    assert slug(answer) == "422 unknown-field"


async def test_a_change_names_its_version_in_both_places_alike(house: House) -> None:
    caller = await house.caller()
    job = await caller.submit()
    path = f"{PATH}/{job['id']}"
    body = {"is_permanent": True, "version": 1}

    assert (await caller.http.patch(path, json=body, headers={"If-Match": '"1", "2"'})).status_code == 200
    assert slug(await caller.http.patch(path, json=body, headers={"If-Match": '"2", "3"'})) == "422 validation-failed"
    assert slug(await caller.http.patch(path, json=body, headers={"If-Match": 'W/"1"'})) == "422 validation-failed"


async def test_if_none_match_names_a_job_by_any_spelling_of_its_tag(house: House) -> None:
    caller = await house.caller()
    job = await caller.submit()
    tag = (await acted(caller, "read", job["id"], {})).headers["etag"]
    fields = {
        tag: 304, f"W/{tag}": 304, "*": 304, f'"a,b", {tag}': 304, f"{OTHER},{tag}": 304, f" {tag}\t": 304,
        OTHER: 200, tag.strip('"'): 200, '"1"': 200, "": 200, f'{tag[:-1]}x"': 200, "nonsense": 200,
    }  # fmt: skip
    for field, status in fields.items():
        for verb in ("read", "head"):
            answer = await acted(caller, verb, job["id"], {"If-None-Match": field})
            assert (answer.status_code, answer.headers["etag"]) == (status, tag), field
    lines = [("If-None-Match", OTHER), ("If-None-Match", tag)]
    assert (await acted(caller, "read", job["id"], lines)).status_code == 304
    # what is not there comes before what is not new
    both = {"If-Match": '"2"', "If-None-Match": tag}
    assert (await acted(caller, "read", job["id"], both)).status_code == 412


async def kept(house: House, caller: Caller, kind: str, content: bytes = TEXT) -> tuple[str, str]:
    """The address and the tag of a file."""
    if kind == "picture":
        easel = Easel(house.database, house.store, Brush(), caller.user_id)
        task = await easel.draw()
        url = (await caller.http.get(f"/v1/images/{task.id}")).json()["result"]["image_url"]
        return url, (await caller.http.get(url)).headers["etag"]
    job = await caller.submit()
    wanted = {"file_name": "x.bin", "file_size": len(content)}
    made = (await caller.http.post(f"{PATH}/{job['id']}/artifacts", json=wanted)).json()
    assert (await caller.http.put(made["upload_url"], content=content)).status_code == 200
    return made["upload_url"], f'"{hashlib.sha256(content).hexdigest()}"'


@pytest.mark.parametrize("kind", ["artifact", "picture"])
async def test_a_file_is_sent_if_it_is_the_one_that_is_meant_and_is_not_there_yet(house: House, kind: str) -> None:
    caller = await house.caller()
    url, tag = await kept(house, caller, kind)
    asked = [
        ({"If-Match": tag}, 200), ({"If-Match": "*"}, 200), ({"If-Match": f'"a,b" , {tag}'}, 200),
        ({"If-Match": OTHER}, 412), ({"If-Match": f"W/{tag}"}, 412), ({"If-Match": tag.strip('"')}, 400),
        ({"If-None-Match": tag}, 304), ({"If-None-Match": f"W/{tag}"}, 304), ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": f'"a,b",{tag}'}, 304), ({"If-None-Match": OTHER}, 200), ({"If-None-Match": ""}, 200),
        ({"If-Match": tag, "If-None-Match": tag}, 304), ({"If-Match": OTHER, "If-None-Match": "*"}, 412),
        ({"If-Match": tag, "If-None-Match": OTHER}, 200), ({"If-Modified-Since": "nonsense"}, 200),
    ]  # fmt: skip
    for fields, status in asked:
        got, head = await caller.http.get(url, headers=fields), await caller.http.head(url, headers=fields)
        assert (got.status_code, head.status_code, head.content) == (status, status, b""), fields
        if status in {200, 304}:
            assert (got.headers["etag"], head.headers["etag"]) == (tag, tag)
        if status == 304:
            assert got.content == b""


async def test_a_file_is_only_deleted_or_archived_if_it_is_the_one_that_is_meant(house: House) -> None:
    caller = await house.caller()
    url, tag = await kept(house, caller, "artifact")
    record = url.removesuffix("/content")
    for field in (OTHER, f"W/{tag}", '"1"'):
        assert slug(await caller.http.delete(record, headers={"If-Match": field})) == "412 version-conflict"
        answer = await caller.http.post(f"{record}/archive", headers={"If-Match": field})
        assert slug(answer) == "412 version-conflict"

    assert (await caller.http.post(f"{record}/archive", headers={"If-Match": f"{OTHER}, {tag}"})).status_code == 200
    assert (await caller.http.delete(record, headers={"If-Match": tag})).status_code == 204


async def test_a_picture_is_only_deleted_if_it_is_the_one_that_is_meant(house: House) -> None:
    caller = await house.caller()
    _, tag = await kept(house, caller, "picture")
    image = f"/v1/generated_images/{(await caller.http.get('/v1/generated_images')).json()['items'][0]['id']}"

    assert slug(await caller.http.delete(image, headers={"If-Match": OTHER})) == "412 version-conflict"
    assert (await caller.http.delete(image, headers={"If-Match": tag})).status_code == 204


async def test_an_upload_replaces_nothing(house: House) -> None:
    caller = await house.caller()
    job = await caller.submit()
    wanted = {"file_name": "x.bin", "file_size": len(TEXT)}
    url = (await caller.http.post(f"{PATH}/{job['id']}/artifacts", json=wanted)).json()["upload_url"]

    for field in (TAG, "*"):
        assert slug(await caller.http.put(url, content=TEXT, headers={"If-Match": field})) == "412 version-conflict"
    assert (await caller.http.put(url, content=TEXT, headers={"If-None-Match": "*"})).status_code == 200
    assert slug(await caller.http.put(url, content=TEXT, headers={"If-None-Match": "*"})) == "409 illegal-transition"


SIZE = len(TEXT)
ALL = (200, 0, SIZE)
RANGES = {
    "bytes=0-0": (206, 0, 1),
    "bytes=0-": (206, 0, SIZE),
    "bytes=1000-": (206, 1000, SIZE),
    "bytes=-1": (206, SIZE - 1, SIZE),
    "bytes=-99999999999999999999999999": (206, 0, SIZE),
    "bytes=5-99999999999999999999999999": (206, 5, SIZE),
    "bytes=0000000000000000000000000005-000000000000000000000009": (206, 5, 10),
    "Bytes=1-2": (206, 1, 3),
    "bytes= 1-2 ": (206, 1, 3),
    "bytes=,1-2,": (206, 1, 3),
    f"bytes={SIZE}-": (416, 0, 0),
    f"bytes={SIZE}-{SIZE}": (416, 0, 0),
    "bytes=99999999999999999999999999-": (416, 0, 0),
    "bytes=-0": (416, 0, 0),
    "bytes=1-0": ALL,
    "bytes=0-1,3-4": ALL,
    "bytes=-": ALL,
    "bytes=": ALL,
    "bytes": ALL,
    "bytes=a-b": ALL,
    "bytes=+1-2": ALL,
    "bytes=1 -2": ALL,
    "bytes=1--2": ALL,
    "bytes=\u00b2-": ALL,
    "lines=1-2": ALL,
    "": ALL,
    "bytes=" + "9" * 5000 + "-": (416, 0, 0),
}


async def test_a_range_is_a_part_or_the_whole_and_never_an_error_of_ours(house: House) -> None:
    caller = await house.caller()
    url, tag = await kept(house, caller, "artifact")
    for field, (status, start, end) in RANGES.items():
        answer = await caller.http.get(url, headers=[(b"Range", field.encode("latin-1"))])
        assert answer.status_code == status, field
        if status == 416:
            assert answer.headers["content-range"] == f"bytes */{SIZE}"
            continue
        assert answer.content == TEXT[start:end], field
        assert answer.headers.get("content-range") == (f"bytes {start}-{end - 1}/{SIZE}" if status == 206 else None)
        # parts are GET's alone
        head = await caller.http.head(url, headers=[(b"Range", field.encode("latin-1"))])
        assert (head.status_code, head.headers["content-length"]) == (200, str(SIZE)), field
    twice = await caller.http.get(url, headers=[("Range", "bytes=1-2"), ("Range", "bytes=3-4")])
    assert (twice.status_code, twice.content) == (200, TEXT)
    for field, status in ((tag, 206), (f"W/{tag}", 200), (OTHER, 200), ("*", 200),
                          ("Sat, 29 Oct 1994 19:43:31 GMT", 200), ("", 200)):  # fmt: skip
        answer = await caller.http.get(url, headers={"Range": "bytes=1-2", "If-Range": field})
        assert answer.status_code == status, field


async def test_of_an_empty_file_the_end_is_all_of_it_and_the_beginning_is_not_there(house: House) -> None:
    caller = await house.caller()
    url, _ = await kept(house, caller, "artifact", b"")
    for field, status in {"bytes=-5": 200, "bytes=0-": 416, "bytes=-0": 416, "bytes=0-0": 416}.items():
        assert (await caller.http.get(url, headers={"Range": field})).status_code == status, field
