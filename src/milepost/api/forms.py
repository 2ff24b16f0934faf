"""The one file of a form: taken from the body as it comes, never held as a whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, BinaryIO

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from milepost.api.body import body_chunks
from milepost.api.problems import Problem
from milepost.api.validation import fault

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FORM = "multipart/form-data"
ENVELOPE = 16 * 1024  # of the form around the file


async def receive_file(request: Request, field: str, into: BinaryIO, most: int) -> None:
    """Writes the bytes of the form's only file. Raises Problem, and OSError where there is no room."""
    form = _Form(field, most)
    try:
        parser = MultipartParser(_boundary(request), form.callbacks())
        async for chunk in body_chunks(request, most + ENVELOPE):
            parser.write(chunk)
            if pieces := form.taken():
                await asyncio.to_thread(_write, into, pieces)
        parser.finalize()
    except FormParserError:
        raise _refused("it cannot be read") from None
    if not form.whole:
        raise fault("validation-failed", f"/{field}", "is required: the picture's bytes")


def check_form(request: Request) -> None:
    """Raises Problem for a body of another type."""
    if not request.headers.get("content-type", "").lower().startswith(FORM):
        raise Problem("unsupported-media-type", f"Send the picture as {FORM}, in the field file.")


class _Form:
    """What the parser calls. `whole`: the file came to its end."""

    def __init__(self, field: str, most: int) -> None:
        self.whole = False
        self._field = field.encode()
        self._most = most
        self._size = 0
        self._files = 0
        self._taking = False
        self._pieces: list[bytes] = []
        self._name, self._value = b"", b""
        self._disposition = b""

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._judge,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }

    def taken(self) -> list[bytes]:
        """The file's bytes since the last call."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def _begin(self) -> None:
        self._taking, self._disposition = False, b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name, self._value = b"", b""

    def _judge(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise _refused("a part has no name")
        if b"filename" not in options:
            raise _refused("it has a field that is no file")
        self._files += 1
        if self._files > 1:
            raise _refused("it has more than one file")
        self._taking = options[b"name"] == self._field

    def _data(self, data: bytes, start: int, end: int) -> None:
        if not self._taking:
            return
        self._size += end - start
        if self._size > self._most:
            raise Problem(
                "payload-too-large", f"A picture may have at most {self._most} bytes.", headers={"Connection": "close"}
            )
        self._pieces.append(data[start:end])

    def _end(self) -> None:
        self.whole = self.whole or self._taking


def _boundary(request: Request) -> bytes:
    _, options = parse_options_header(request.headers["content-type"])
    if not options.get(b"boundary"):
        raise _refused("its boundary is missing")
    return options[b"boundary"]


def _write(into: BinaryIO, pieces: list[bytes]) -> None:
    for piece in pieces:
        left = memoryview(piece)
        while left:
            left = left[into.write(left) :]


def _refused(why: str) -> Problem:
    return Problem("bad-request", f"The form is refused: {why}.")
