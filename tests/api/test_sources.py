"""Uploads of pictures to draw from: what hostile ones cost, who waits for whom, and what is left of them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import uvloop
from PIL import Image

from milepost.api import pictures
from milepost.api.connections import Server, configured
from milepost.api.pictures import PictureRefused, cleaned
from milepost.storage import Spool
from tests.api_fixtures import Caller, House
from tests.hostile_pictures import BOMBS, UNTIDY, animated_webp, deflated, photo, png, png_chunk, saved

PATH = "/v1/images/sources"
MIB = 1024 * 1024
LIBRARY_WARNS = png(1, 1, chunks=png_chunk(b"acTL", bytes(8)) + png_chunk(b"IDAT", b"x"))


def upload(data: bytes) -> dict[str, Any]:
    return {"files": {"file": ("photo.jpg", data, "image/jpeg")}}


def costly(height: int = 5000) -> bytes:
    """In the form that takes longest; 40 megapixels unless less is asked for."""
    rows = deflated(height * (1 + 8000 * 8) + 200_000)
    return png(8000, height, depth=16, colour=6, interlaced=True, chunks=png_chunk(b"IDAT", rows))


def noise(count: int = 30_000) -> bytes:
    """A picture of about so many bytes."""
    side = int((count / 3) ** 0.5)
    return saved(Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)), "PNG")


async def there(house: House, count: int) -> None:
    """Until so many uploads are in hand."""
    while house.deps.pictures.counts["there"] != count:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0)


async def test_a_warning_of_the_library_before_a_refusal_is_no_fault_of_ours(house: House) -> None:
    caller = await house.caller()
    assert len(LIBRARY_WARNS) == 78

    answer = await caller.http.post(PATH, **upload(LIBRARY_WARNS))

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/validation-failed")
    assert "could not be decoded" in answer.json()["detail"]


@pytest.mark.parametrize(("make", "code", "words"), BOMBS.values(), ids=BOMBS.keys())
async def test_a_bomb_is_refused_with_what_is_too_much(
    house: House, make: Callable[[], bytes], code: str, words: str
) -> None:
    answer = await (await house.caller()).http.post(PATH, **upload(make()))

    assert answer.status_code == (413 if code == "SOURCE_TOO_LARGE" else 422)
    assert words in answer.json()["detail"]
    assert [found async for found in house.store.list()] == []


@pytest.mark.parametrize("name", ["a bad MPO index", "another view behind", "EXIF that breaks off", "two acTL"])
async def test_an_untidy_photo_is_kept(house: House, name: str) -> None:
    answer = await (await house.caller()).http.post(PATH, **upload(UNTIDY[name]()))

    assert answer.status_code == 201, answer.text


LARGEST = {
    "PNG": lambda: png(8000, 5000, colour=6, chunks=png_chunk(b"IDAT", deflated(5000 * (1 + 8000 * 4)))),
    "WebP of 25 megapixels": lambda: photo("WEBP", (5000, 4990), lossless=True),
    "animated WebP": lambda: animated_webp(3, size=(5000, 4990)),
    "progressive JPEG": lambda: photo("JPEG", (6300, 6300), progressive=True, subsampling=0),
    "progressive CMYK": lambda: saved(Image.new("CMYK", (8000, 5000), (9, 99, 0, 0)), "JPEG", progressive=True),
    "GIF": lambda: saved(Image.new("P", (8000, 5000)), "GIF"),
    "bits": lambda: saved(Image.new("1", (8000, 5000)), "PNG"),
}


@pytest.mark.parametrize("make", LARGEST.values(), ids=LARGEST.keys())
async def test_the_largest_pictures_fit_into_memory_and_time(make: Callable[[], bytes], tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(make())

    with (tmp_path / "picture").open("rb") as file:
        picture = await cleaned(file)

    assert max(picture.width, picture.height) == 1600


async def test_what_takes_too_long_is_ended_by_the_kernel_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "CPU_SECONDS", 1)
    (tmp_path / "picture").write_bytes(costly())

    with (tmp_path / "picture").open("rb") as file, pytest.raises(PictureRefused, match="than 1 second") as refused:
        await cleaned(file)

    assert refused.value.code == "SOURCE_TOO_LARGE"


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("import os; os.abort()", "SOURCE_INVALID"),
        ("import sys, os; os.write(int(sys.argv[-1]), b'x' * 9_000_000)", "SOURCE_INVALID"),
        ("import sys, os; os.write(int(sys.argv[-1]), b'{}\\n')", "RENDERER_UNAVAILABLE"),
        ("import sys, os; os.write(int(sys.argv[-1]), b'[1]\\n')", "RENDERER_UNAVAILABLE"),
        ("import sys, os; os.write(int(sys.argv[-1]), b'{\"width\": 1, \"height\": 1, \"size\": 9}\\nhalf')", "RENDERER_UNAVAILABLE"),
        ("raise SystemExit(1)", "RENDERER_UNAVAILABLE"),
    ],
)  # fmt: skip
async def test_a_process_that_answers_nonsense_is_believed_nothing(
    program: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "overtaken.py").write_text(program)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(pictures, "PROGRAM", "overtaken")

    with Spool().open() as file, pytest.raises(PictureRefused) as refused:
        await cleaned(file)

    assert refused.value.code == code


async def test_eight_costly_pictures_of_one_key_do_not_hold_up_anothers(house: House) -> None:
    """By order, not by time: hers is answered while all but the first of the eight are still to come."""
    heavy, light = await house.caller(), await house.caller()
    data, hers = costly(1500), noise()
    answered: list[str] = []

    async def send(caller: Caller, picture: bytes, name: str) -> int:
        answer = await caller.http.post(PATH, **upload(picture))
        answered.append(name)
        return answer.status_code

    many = [asyncio.create_task(send(heavy, data, "heavy")) for _ in range(8)]
    await there(house, 8)

    assert await send(light, hers, "light") == 201
    assert answered.index("light") <= 1
    assert await asyncio.gather(*many) == [201] * 8


async def held(house: House, stack: AsyncExitStack) -> None:
    """Both places are taken: whoever comes now waits."""
    for who in ("nobody", "nobody else"):
        await stack.enter_async_context(house.deps.pictures.turn(who))


async def test_who_has_eight_in_hand_is_told_when_to_come_back(house: House) -> None:
    heavy, light = await house.caller(), await house.caller()
    async with AsyncExitStack() as stack:
        await held(house, stack)
        many = [asyncio.create_task(heavy.http.post(PATH, **upload(photo()))) for _ in range(8)]
        await there(house, 8)

        ninth = await heavy.http.post(PATH, **upload(photo()))
        one = asyncio.create_task(light.http.post(PATH, **upload(photo())))
        await there(house, 9)

    assert (ninth.status_code, ninth.json()["type"]) == (503, "/problems/unavailable")
    assert int(ninth.headers["retry-after"]) > 0
    assert "8 pictures of this caller" in ninth.json()["detail"]
    assert [answer.status_code for answer in await asyncio.gather(one, *many)] == [201] * 9
    assert (await heavy.http.post(PATH, **upload(photo()))).status_code == 201


async def test_where_there_is_no_room_on_disk_uploads_may_come_again(house: House, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    object.__setattr__(house.deps, "spool", Spool(tmp_path / "taken"))

    answer = await (await house.caller()).http.post(PATH, **upload(photo()))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


# --------------------------------------------------------------------------------------- over a real connection


class Sender:
    """One upload over a connection of its own, of which nothing but a piece is held here."""

    def __init__(self, port: int, caller: Caller) -> None:
        self._port = port
        self._caller = caller

    async def send(self, data: bytes) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        before = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        after = b"\r\n--b--\r\n"
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self._caller.key}\r\n"
            f"Content-Type: multipart/form-data; boundary=b\r\n"
            f"Content-Length: {len(before) + len(data) + len(after)}\r\n\r\n"
        )
        for part in (head.encode(), before, *_pieces(data), after):
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, Any]]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert length is not None
        return int(head.split()[1]), json.loads(await self.reader.readexactly(int(length[1])))

    async def leave(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


def _pieces(data: bytes) -> Sequence[memoryview]:
    view = memoryview(data)
    return [view[at : at + 65536] for at in range(0, len(data), 65536)]


@pytest.fixture
async def port(house: House) -> AsyncIterator[int]:
    server = Server(configured(house.app, host="127.0.0.1", port=0, lifespan="off", timeout_graceful_shutdown=1))
    task = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


def resident_kib() -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


async def test_fifty_uploads_that_wait_lie_on_disk_and_not_in_memory(
    house: House, port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    object.__setattr__(house.deps, "spool", Spool(tmp_path / "uploads"))
    data = os.urandom(5 * MIB)
    senders = [Sender(port, caller) for caller in [await house.caller() for _ in range(7)] for _ in range(8)][:50]
    async with AsyncExitStack() as stack:
        await held(house, stack)
        before = resident_kib()
        await asyncio.gather(*(sender.send(data) for sender in senders))
        await there(house, 50)
        await _on_disk(50 * 5 * MIB)
        each = (resident_kib() - before) / 50
        with capsys.disabled():
            print(f"\n50 uploads of 5 MiB that wait: {each:.0f} KiB of memory each")
        assert list((tmp_path / "uploads").iterdir()) == []
        await asyncio.gather(*(sender.leave() for sender in senders))
        await there(house, 0)

    assert each < 1024


async def _on_disk(size: int) -> None:
    """Until files without a name hold so many bytes: by then nothing is under way any more."""
    while sum(_unnamed_sizes()) < size:  # noqa: ASYNC110 - a disk tells nobody
        await asyncio.sleep(0)


def _unnamed_sizes() -> list[int]:
    found: list[int] = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            about = descriptor.stat()
        except OSError:
            continue
        if about.st_nlink == 0:
            found.append(about.st_size)
    return found


async def test_who_leaves_waits_no_longer(house: House, port: int) -> None:
    heavy, light = await house.caller(), await house.caller()
    senders = [Sender(port, heavy) for _ in range(8)]
    async with AsyncExitStack() as stack:
        await held(house, stack)
        await asyncio.gather(*(sender.send(photo()) for sender in senders))
        await there(house, 8)

        await asyncio.gather(*(sender.leave() for sender in senders))
        await there(house, 0)

    one = Sender(port, light)
    await one.send(photo())
    assert (await one.answer())[0] == 201
    await one.leave()


async def test_who_is_not_let_in_hears_it_although_the_whole_body_was_sent(house: House, port: int) -> None:
    heavy = await house.caller()
    senders = [Sender(port, heavy) for _ in range(8)]
    async with AsyncExitStack() as stack:
        await held(house, stack)
        await asyncio.gather(*(sender.send(photo()) for sender in senders))
        await there(house, 8)
        ninth = Sender(port, heavy)
        await ninth.send(os.urandom(5 * MIB))

        status, problem = await ninth.answer()

        assert (status, problem["type"]) == (503, "/problems/unavailable")
        await ninth.leave()
    for sender in senders:
        assert (await sender.answer())[0] == 201
        await sender.leave()


def test_pictures_are_read_under_the_servers_own_loop(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(photo())

    async def read() -> int:
        with (tmp_path / "picture").open("rb") as file:
            return (await cleaned(file)).width

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(read()) == 160


# ------------------------------------------------------------------------------------------------------ the form


FORMS = {
    "no boundary": ("multipart/form-data", b"", 400, "boundary"),
    "a field beside the file": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n', 400, "no file",
    ),
    "a part without a name": (
        "multipart/form-data; boundary=b", b"--b\r\nContent-Type: image/png\r\n\r\n1\r\n--b--\r\n", 400, "no name",
    ),
    "a file that breaks off": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf', 422, "/file",
    ),
    "no form at all": ("multipart/form-data; boundary=b", b"GIF89a", 400, "cannot be read"),
    "a header without end": (
        "multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: " + b"x" * 10_000, 400, "cannot be read",
    ),
    "a boundary that is too long": (f"multipart/form-data; boundary={'b' * 300}", b"", 400, "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "body", "status", "words"), FORMS.values(), ids=FORMS.keys())
async def test_a_form_that_is_none_says_why(house: House, kind: str, body: bytes, status: int, words: str) -> None:
    caller = await house.caller()

    answer = await caller.http.post(PATH, content=body, headers={"Content-Type": kind})

    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]


async def test_a_body_without_a_length_is_bounded_while_it_comes(house: House) -> None:
    caller = await house.caller()
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        while sent < 64 * MIB:
            sent += MIB
            yield zlib.compress(os.urandom(MIB), 0)[:MIB]

    answer = await caller.http.post(
        PATH, content=endless(), headers={"Content-Type": "multipart/form-data; boundary=b"}
    )

    assert answer.status_code == 413
