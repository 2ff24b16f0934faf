"""Image tasks over HTTP: the pictures, their files, uploaded sources, usage by day."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

from milepost.storage import paths
from tests.api_fixtures import Caller, House
from tests.images_fixtures import REQUEST, Brush, Easel, png


def easel_of(house: House, caller: Caller) -> Easel:
    return Easel(house.database, house.store, Brush(), caller.user_id)


async def drawn(house: House, caller: Caller, **changes: Any) -> dict[str, Any]:
    return await easel_of(house, caller).result(**changes)


async def test_a_task_is_submitted_and_shown(house: House) -> None:
    caller = await house.caller()

    answer = await caller.http.post("/v1/images", json={**REQUEST, "effects": {"foil": "none"}, "noCache": True})

    job = answer.json()
    assert (answer.status_code, job["status"], job["progress"], job["result"], job["tokens_used"]) == (
        202, "pending", 0, None, 0,
    )  # fmt: skip
    assert {name: job["data"][name] for name in REQUEST} == REQUEST
    assert (job["data"]["effects"], job["data"]["no_cache"]) == ({"foil": "none"}, True)
    assert (job["timeout_seconds"], job["deadline_at"] > job["scheduled_at"]) == (120, True)


async def test_the_same_key_and_request_are_one_task(house: House) -> None:
    caller = await house.caller()
    headers = {"Idempotency-Key": "one"}

    made = await caller.http.post("/v1/images", json=REQUEST, headers=headers)
    await easel_of(house, caller).work(await _job(house, made.json()["id"]))
    again = await caller.http.post("/v1/images", json=REQUEST, headers=headers)
    other = await caller.http.post("/v1/images", json={**REQUEST, "seed": 1}, headers=headers)

    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")


async def _job(house: House, job_id: str) -> Any:
    from uuid import UUID

    from milepost.engine.read_job import read_job
    from milepost.kinds.images import KIND

    return await read_job(house.database, KIND.table, UUID(job_id))


async def test_a_url_is_refused_with_the_way_there_is(house: House) -> None:
    caller = await house.caller()

    answer = await caller.http.post("/v1/images", json={**REQUEST, "source_image_url": "https://example.com/a.png"})

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/url-not-allowed")
    assert "/v1/images/sources" in answer.json()["errors"][0]["detail"]


async def test_a_list_finds_a_sticker_by_its_title_its_character_and_its_prompt(house: House) -> None:
    caller = await house.caller()
    job = (await caller.http.post("/v1/images", json=REQUEST)).json()
    await caller.http.post("/v1/images", json={**REQUEST, "title": "x", "character_name": "y", "prompt": "z"})

    for path in ("/v1/images", "/v1/jobs"):
        for text in ("雷鳴の", "ゴロゴン", "EATS THUNDER", job["id"], job["id"][-8:]):
            found = (await caller.http.get(path, params={"search": text})).json()
            assert [item["id"] for item in found["items"]] == [job["id"]], text
    # a word of another member of the request is none of its texts
    assert (await caller.http.get("/v1/images?search=background")).json()["items"] == []


async def test_the_history_finds_what_a_short_id_ends(house: House) -> None:
    caller, other = await house.caller(), await house.caller()
    [image] = (await drawn(house, caller), (await caller.http.get("/v1/generated_images")).json()["items"])[1]
    address = f"/v1/generated_images?short_id={image['id'][-8:]}"

    assert (await caller.http.get(address)).json()["items"] == [image]
    assert (await other.http.get(address)).json()["items"] == []
    assert (await caller.http.get("/v1/generated_images?short_id=0badf00d")).json()["items"] == []


async def test_the_history_comes_in_pages_newest_first_without_others(house: House) -> None:
    caller, other = await house.caller(), await house.caller()
    easel = easel_of(house, caller)
    await easel.work(*[await easel.submit(seed=seed) for seed in range(45)])
    await drawn(house, other, seed=99)

    pages = [
        (await caller.http.get("/v1/generated_images", params={"offset": offset})).json() for offset in (0, 20, 40)
    ]
    items = [item for page in pages for item in page["items"]]

    assert [len(page["items"]) for page in pages] == [20, 20, 5]
    assert {page["total"] for page in pages} == {45}
    assert len({item["id"] for item in items}) == 45
    assert {item["user_id"] for item in items} == {str(caller.user_id)}
    order = [(item["created_at"], item["id"]) for item in items]
    assert order == sorted(order, reverse=True)
    by_page = await caller.http.get("/v1/generated_images", params={"page": 3, "page_size": 20})
    assert by_page.json()["items"] == pages[2]["items"]
    following = await caller.http.get("/v1/generated_images", params={"cursor": pages[0]["next_cursor"]})
    assert following.json()["items"] == pages[1]["items"]
    assert pages[2]["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("offset=10001", "out-of-range"),
        ("offset=-1", "out-of-range"),
        ("offset=1&page=1", "invalid-cursor"),
        ("cursor=abc", "invalid-cursor"),
        ("page_size=101", "out-of-range"),
        ("rarity=head", "unknown-field"),
    ],
)
async def test_a_wrong_part_of_the_history_is_refused(house: House, query: str, slug: str) -> None:
    answer = await (await house.caller()).http.get(f"/v1/generated_images?{query}")

    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}")


async def test_one_picture_and_its_bytes_are_its_owners(house: House) -> None:
    caller, other, operator = await house.caller(), await house.caller(), await house.operator()
    result = await drawn(house, caller)
    one = f"/v1/generated_images/{result['image_id']}"

    found = (await caller.http.get(one)).json()
    file = await caller.http.get(result["image_url"])

    assert (found["id"], found["title"], found["effects"]) == (result["image_id"], REQUEST["title"], {})
    assert file.headers["content-type"] == "image/png"
    assert file.headers["x-content-type-options"] == "nosniff"
    assert {"private", "immutable"} <= set(file.headers["cache-control"].split(", "))
    assert Image.open(io.BytesIO(file.content)).size == (1, 1)
    unchanged = await caller.http.get(result["image_url"], headers={"If-None-Match": file.headers["etag"]})
    assert unchanged.status_code == 304
    for path in (one, result["image_url"]):
        assert (await other.http.get(path)).status_code == 404
        assert (await operator.http.get(path)).status_code == 200


async def test_the_same_bytes_are_whoevers_history_has_them(house: House) -> None:
    caller, other = await house.caller(), await house.caller()
    result = await drawn(house, caller)
    assert (await other.http.get(result["image_url"])).status_code == 404

    await drawn(house, other)

    assert (await other.http.get(result["image_url"])).status_code == 200


@pytest.mark.parametrize("name", ["x.png", "..%2f..%2fsecret.png", "A" * 64 + ".png", "0" * 64, "0" * 64 + ".png"])
async def test_a_file_that_nobody_has_is_not_found(house: House, name: str) -> None:
    assert (await (await house.operator()).http.get(f"/v1/image_files/{name}")).status_code == 404


async def test_altered_bytes_are_never_given(house: House, tmp_path: Any) -> None:
    caller = await house.caller()
    result = await drawn(house, caller)
    (tmp_path / "files" / paths.key_of(paths.image_file("default", result["sha256"]))).write_bytes(png(0))

    assert (await caller.http.get(result["image_url"])).status_code == 404


async def test_a_picture_is_deleted_by_its_owner_with_an_audit_row(house: House, owner: Any) -> None:
    caller, other = await house.caller(), await house.caller()
    reader = await house.caller("job:read", user_id=caller.user_id)
    result = await drawn(house, caller)
    one = f"/v1/generated_images/{result['image_id']}"

    assert (await other.http.delete(one)).status_code == 404
    assert (await reader.http.delete(one)).status_code == 403
    assert (await caller.http.delete(one)).status_code == 204
    assert (await caller.http.delete(one)).status_code == 404

    assert (await caller.http.get(result["image_url"])).status_code == 404
    rows = await owner.fetch("SELECT * FROM audit_logs WHERE action = 'generated_image.deleted'")
    assert [(row["resource_id"], row["actor"]) for row in rows] == [(result["image_id"], caller.actor)]


async def test_usage_by_day_with_its_sum(house: House, owner: Any) -> None:
    caller = await house.caller()
    await drawn(house, caller)
    await drawn(house, await house.caller())
    await owner.execute(
        "INSERT INTO usage_stats (user_id, date, image_count, success_count, failure_count, total_tokens)"
        " VALUES ($1, '2026-01-01', 2, 2, 1, 9), ($1, '2026-01-03', 1, 1, 0, 0)",
        caller.user_id,
    )

    recent = (await caller.http.get("/v1/usage_stats")).json()
    named = (await caller.http.get("/v1/usage_stats?from=2026-01-01&to=2026-01-02")).json()

    assert (recent["sum"]["image_count"], len(recent["items"])) == (1, 1)
    day = {"date": "2026-01-01", "image_count": 2, "total_tokens": 9, "success_count": 2, "failure_count": 1}
    assert named["items"] == [day]
    assert named["sum"] == {name: value for name, value in day.items() if name != "date"}


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("from=2026-01-02&to=2026-01-01", "invalid-filter"),
        ("from=2025-01-01&to=2026-01-02", "out-of-range"),
        ("from=2026-13-01", "invalid-datetime"),
        ("to=20260101", "invalid-datetime"),
        ("day=2026-01-01", "unknown-field"),
    ],
)
async def test_wrong_days_are_refused(house: House, query: str, slug: str) -> None:
    answer = await (await house.caller()).http.get(f"/v1/usage_stats?{query}")

    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}")


async def test_usage_takes_a_leap_year_and_the_first_of_all_days(house: House) -> None:
    caller = await house.caller()

    assert (await caller.http.get("/v1/usage_stats?from=2024-01-01&to=2024-12-31")).status_code == 200
    assert (await caller.http.get("/v1/usage_stats?to=0001-01-01")).status_code < 500


def picture(form: str = "PNG", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, (200, 30, 60)).save(stream, form, **options)
    return stream.getvalue()


def upload(data: bytes, name: str = "photo.jpg") -> dict[str, Any]:
    return {"files": {"file": (name, data, "image/jpeg")}}


async def test_an_upload_is_kept_without_its_metadata_and_drawn_from(house: House) -> None:
    caller = await house.caller()
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    sent = picture("JPEG", exif=exif, comment=b"secret place")

    answer = await caller.http.post("/v1/images/sources", **upload(sent))

    source = answer.json()
    assert (answer.status_code, source["width"], source["height"]) == (201, 40, 30)
    from uuid import UUID

    kept = await house.store.read_all(paths.image_source("default", caller.user_id, UUID(source["id"])))
    assert b"home" not in kept
    assert b"secret" not in kept
    task = await caller.http.post("/v1/images", json={**REQUEST, "source_image_id": source["id"]})
    assert task.status_code == 202
    easel = easel_of(house, caller)
    (job,) = await easel.work(await _job(house, task.json()["id"]))
    assert (job.status, easel.brush.sources) == ("completed", [kept])


async def test_another_users_upload_cannot_be_named(house: House) -> None:
    caller, other = await house.caller(), await house.caller()
    source = (await caller.http.post("/v1/images/sources", **upload(picture()))).json()

    for who, source_id in ((other, source["id"]), (caller, str(uuid4()))):
        answer = await who.http.post("/v1/images", json={**REQUEST, "source_image_id": source_id})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/source_image_id")


def bomb() -> bytes:
    """A PNG of 41 megapixels that is a few kilobytes long."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 8200, 5000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(5000 * (1 + 8200 // 8)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


HOSTILE = {
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 422),
    "text": (b"not a picture", 422),
    "nothing": (b"", 422),
    "truncated": (picture()[:60], 422),
    "bmp": (picture("BMP"), 422),
    "tiff": (picture("TIFF"), 422),
    "two files in one": (picture() + b"PK\x03\x04 and an archive", 422),
    "a bomb": (bomb(), 413),
    "too many bytes": (b"\xff" * (5 * 1024 * 1024 + 1), 413),
    "far too many bytes": (b"\xff" * (6 * 1024 * 1024), 413),
}


@pytest.mark.parametrize(("data", "status"), HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_upload_is_refused_and_not_kept(house: House, data: bytes, status: int) -> None:
    caller = await house.caller()

    answer = await caller.http.post("/v1/images/sources", **upload(data))

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert [found async for found in house.store.list()] == []


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
async def test_every_allowed_format_is_taken_whatever_its_name(house: House, form: str) -> None:
    answer = await (await house.caller()).http.post("/v1/images/sources", **upload(picture(form), "virus.exe"))

    assert answer.status_code == 201, answer.text


async def test_a_form_that_is_none_is_refused(house: House) -> None:
    http = (await house.caller()).http

    plain = await http.post("/v1/images/sources", json={"file": "x"})
    empty = await http.post("/v1/images/sources", files={"other": ("a", b"x")})
    two = await http.post("/v1/images/sources", files=[("file", ("a", picture())), ("file", ("b", picture()))])
    broken = await http.post(
        "/v1/images/sources", content=b"--x\r\nnothing", headers={"Content-Type": "multipart/form-data; boundary=x"}
    )

    assert [answer.status_code for answer in (plain, empty, two, broken)] == [415, 422, 400, 422]


async def test_uploading_needs_the_right_to_submit(house: House) -> None:
    reader = await house.caller("job:read")

    assert (await reader.http.post("/v1/images/sources", **upload(picture()))).status_code == 403
