"""Pictures that are made to cost more than they say, and pictures that are only untidy: built byte by byte, none is kept as a file."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image

MIB = 1024 * 1024
SOI, EOI = b"\xff\xd8", b"\xff\xd9"
ORIENTATION = 0x0112


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def photo(form: str = "JPEG", size: tuple[int, int] = (160, 120), **options: Any) -> bytes:
    """Half red, half green: upright it has red above."""
    image = Image.new("RGB", size, (0, 200, 0))
    image.paste((200, 0, 0), (0, 0, size[0], size[1] // 2))
    return saved(image, form, **options)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *, depth: int = 8, colour: int = 0, interlaced: bool = False, chunks: bytes) -> bytes:
    """`chunks` stand between header and end."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + chunks + png_chunk(b"IEND", b"")


def deflated(count: int, byte: bytes = b"\x00") -> bytes:
    """So many times that byte, a thousandth as long."""
    squeeze = zlib.compressobj(9)
    parts = [squeeze.compress(byte * MIB) for _ in range(count // MIB)]
    return b"".join([*parts, squeeze.compress(byte * (count % MIB)), squeeze.flush()])


def grey(side: int = 40) -> bytes:
    return png_chunk(b"IDAT", zlib.compress(bytes(side * (1 + side))))


def with_chunks(before: bytes) -> bytes:
    """A sound picture with something before its data."""
    return png(40, 40, chunks=before + grey())


# ------------------------------------------------------------------------------------------ what costs too much


def repeated_scans(count: int, size: tuple[int, int] = (6000, 6600)) -> bytes:
    """A progressive JPEG whose last scan, which says that nothing changes, comes again and again."""
    data = saved(Image.new("L", size, 128), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * count + EOI


def tiny_comments() -> bytes:
    return SOI + b"\xff\xfe\x00\x03x" * 900_000 + photo()[2:]


def resized(jpeg: bytes, width: int, height: int) -> bytes:
    """The same but for what its frame says."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


def one_column() -> bytes:
    return png(1, 40_000_000, depth=1, chunks=png_chunk(b"IDAT", deflated(80_000_000)))


def lossless_webp(side: int = 6300) -> bytes:
    return saved(Image.new("RGB", (side, side)), "WEBP", lossless=True)


def tiny_data_chunks() -> bytes:
    return png(40, 40, chunks=b"".join(png_chunk(b"IDAT", b"") for _ in range(400_000)) + grey())


def gif_comments() -> bytes:
    return _before_frame(b"!\xfe" + b"\x01a" * 2_400_000 + b"\x00")


def gif_sub_blocks() -> bytes:
    frame = b",\x00\x00\x00\x00\xff\x00\xff\x00\x00\x02" + b"\x01\x04" * 2_000_000 + b"\x00"
    return b"GIF89a\xff\x00\xff\x00\x00\x00\x00" + frame + b";"


def _before_frame(block: bytes) -> bytes:
    data = saved(Image.new("P", (10, 10)), "GIF")
    at = data.index(b",\x00\x00\x00\x00\x0a\x00")
    return data[:at] + block + data[at:]


def text_bomb(kind: bytes, head: bytes, *, count: int = 1, size: int = 80_000_000) -> bytes:
    return with_chunks(png_chunk(kind, head + deflated(size, b"A")) * count)


def many_frames_apng() -> bytes:
    control = struct.pack(">IIIIIHHBB", 0, 40, 40, 0, 0, 1, 10, 0, 0)
    frame = png_chunk(b"fcTL", control) + png_chunk(b"fdAT", bytes(4))
    return with_chunks(png_chunk(b"acTL", struct.pack(">II", 50_000, 0)) + frame * 50_000)


def animated_webp(frames: int, *, size: tuple[int, int] = (20, 20)) -> bytes:
    pictures = [Image.new("RGB", size, tint) for tint in ("red", "blue")]
    data = saved(pictures[0], "WEBP", save_all=True, append_images=pictures[1:], lossless=True)
    at = data.index(b"ANMF")
    length = 8 + int.from_bytes(data[at + 4 : at + 8], "little")
    body = data[8:at] + data[at : at + length] * frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


BOMBS: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "200 scans of 40 megapixels": (lambda: repeated_scans(200), "SOURCE_INVALID", "scans of 39600000 pixels"),
    "2000 scans of 40 megapixels": (lambda: repeated_scans(2000), "SOURCE_INVALID", "scans of 39600000 pixels"),
    "thousands of scans of little": (lambda: repeated_scans(5000, (64, 64)), "SOURCE_INVALID", "more than 64 scans"),
    "tiny comments": (tiny_comments, "SOURCE_INVALID", "more than 1000 segments"),
    "one column": (one_column, "SOURCE_TOO_LARGE", "a side of 40000000 pixels"),
    "one row": (lambda: png(40_000_000, 1, chunks=grey()), "SOURCE_TOO_LARGE", "a side of 40000000 pixels"),
    "a long GIF": (
        lambda: b"GIF89a\xff\xff\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01\x44\x00;",
        "SOURCE_TOO_LARGE", "a side of 65535 pixels",
    ),
    "a frame beyond the screen": (
        lambda: b"GIF89a\x01\x00\x01\x00\x00\x00\x00,\xff\xff\xff\xff\xff\xff\xff\xff\x00\x02\x01\x44\x00;",
        "SOURCE_TOO_LARGE", "131070 x 131070 pixels",
    ),
    "a WebP of a few bytes": (lossless_webp, "SOURCE_TOO_LARGE", "needs about 635 MB"),
    "a WebP's canvas": (lambda: animated_webp(2, size=(6300, 6300)), "SOURCE_TOO_LARGE", "needs about 635 MB"),
    "tiny data chunks": (tiny_data_chunks, "SOURCE_INVALID", "more than 20000 chunks"),
    "frames of an APNG": (many_frames_apng, "SOURCE_INVALID", "more than 20000 chunks"),
    "frames of a WebP": (lambda: animated_webp(50_000), "SOURCE_INVALID", "more than 20000 chunks"),
    "comments of a GIF": (gif_comments, "SOURCE_INVALID", "more than 100000 blocks"),
    "tiny blocks of a GIF's frame": (gif_sub_blocks, "SOURCE_INVALID", "more than 100000 blocks"),
    "a zTXt": (lambda: text_bomb(b"zTXt", b"a\x00\x00"), "SOURCE_INVALID", "once they are inflated"),
    "an iTXt": (lambda: text_bomb(b"iTXt", b"a\x00\x01\x00en\x00b\x00"), "SOURCE_INVALID", "once they are inflated"),
    "a profile": (lambda: text_bomb(b"iCCP", b"a\x00\x00"), "SOURCE_INVALID", "once they are inflated"),
    "many small texts": (
        lambda: text_bomb(b"zTXt", b"a\x00\x00", count=500, size=10_000), "SOURCE_INVALID", "once they are inflated",
    ),
    "a JPEG of 65535 x 65500": (
        lambda: resized(photo(), 65535, 65500),
        "SOURCE_TOO_LARGE", "65535 x 65500 pixels",
    ),
}  # fmt: skip
"""How it is made, the code of its refusal, and words that name what was too much."""


# ------------------------------------------------------------------------------------------ what is only untidy


def app_segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_segment(marker: int, content: bytes) -> bytes:
    return SOI + app_segment(marker, content) + photo()[2:]


def bad_mpo() -> bytes:
    """An index of views that says nothing sensible, as some cameras write."""
    return with_segment(0xE2, b"MPF\x00II*\x00\x08\x00\x00\x00\x03\x00" + b"\xff" * 40)


def two_views() -> bytes:
    views = [Image.new("RGB", (160, 120), tint) for tint in ("red", "blue")]
    return saved(views[0], "MPO", save_all=True, append_images=views[1:])


def exif(entries: int = 1, *, order: str = ">", orientation: int = 6) -> bytes:
    entry = struct.pack(f"{order}HHIHH", ORIENTATION, 3, 1, orientation, 0)
    others = struct.pack(f"{order}HHII", 0x0100, 4, 0x7FFFFFFF, 0xFFFFFFF0) * (entries - 1)
    start = b"MM\x00*" if order == ">" else b"II*\x00"
    return b"Exif\x00\x00" + start + struct.pack(f"{order}IH", 8, entries) + others + entry


def film() -> bytes:
    """The boxes of one, without pictures."""
    boxes = ((b"ftyp", b"mp42" + bytes(4)), (b"mdat", b"\xff\xd8\xff;"), (b"moov", bytes(20)))
    return b"".join(struct.pack(">I4s", 8 + len(content), kind) + content for kind, content in boxes)


def samsung_records(*contents: bytes) -> bytes:
    records = [struct.pack("<HHI", 0, 0x0A01, 14) + b"Image_UTC_Data" + content for content in contents]
    backs = [sum(map(len, records[number:])) for number in range(len(records))]
    entries = [struct.pack("<HHII", 0, 0x0A01, back, len(record)) for back, record in zip(backs, records, strict=True)]
    head = b"SEFH" + struct.pack("<II", 106, len(entries)) + b"".join(entries)
    return b"".join(records) + head + struct.pack("<I", len(head)) + b"SEFT"


UNTIDY: dict[str, Callable[[], bytes]] = {
    "a bad MPO index": bad_mpo,
    "another view behind": two_views,
    "a gain map behind": lambda: photo() + bytes(16) + photo(size=(8, 8)),
    "a film behind": lambda: photo() + film(),
    "a gain map and a film behind": lambda: photo() + photo(size=(8, 8)) + film(),
    "Samsung's records behind": lambda: photo() + samsung_records(b"1700000000000", b"more"),
    "Samsung's records with a film behind": lambda: photo() + bytes(3) + samsung_records(film(), b"1700000000000"),
    "EXIF that breaks off": lambda: with_segment(0xE1, exif()[:20]),
    "EXIF with offsets to nowhere": lambda: with_segment(0xE1, exif(200)),
    "EXIF of nothing": lambda: with_segment(0xE1, b"Exif\x00\x00"),
    "an XMP packet that is none": lambda: with_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta"),
    "a profile in one of three parts": lambda: with_segment(0xE2, b"ICC_PROFILE\x00\x02\x03abc"),
    "Photoshop's resources cut short": lambda: with_segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\x00"),
    "a JFIF header too short": lambda: SOI + app_segment(0xE0, b"JFIF\x00\x01") + photo()[2:],
    "Adobe's header too short": lambda: with_segment(0xEE, b"Adobe\x00"),
    "bytes between segments": lambda: photo()[:20] + b"\x00\x12\x34" + photo()[20:],
    "filled markers": lambda: SOI + b"\xff" * 5000 + photo()[2:],
    "padding behind": lambda: photo() + bytes(100),
    "an APNG of no frames": lambda: with_chunks(png_chunk(b"acTL", bytes(8))),
    "two acTL": lambda: with_chunks(png_chunk(b"acTL", b"\x00\x00\x00\x02" + bytes(4)) * 2),
    "fdAT without fcTL": lambda: with_chunks(png_chunk(b"fdAT", bytes(4))),
    "fcTL cut short": lambda: with_chunks(png_chunk(b"acTL", b"\x00\x00\x00\x02" * 2) + png_chunk(b"fcTL", b"\x00")),
    "a profile of an unknown kind": lambda: with_chunks(png_chunk(b"iCCP", b"a\x00\x07abc")),
    "a profile that does not inflate": lambda: with_chunks(png_chunk(b"iCCP", b"a\x00\x00abc")),
    "a text without a name": lambda: with_chunks(png_chunk(b"zTXt", b"") + png_chunk(b"iTXt", b"") + png_chunk(b"tEXt", b"")),
    "a text with a false checksum": lambda: with_chunks(png_chunk(b"tEXt", b"a\x00b")[:-1] + b"?"),
    "transparency cut short": lambda: with_chunks(png_chunk(b"tRNS", b"\x00")),
    "resolution cut short": lambda: with_chunks(png_chunk(b"pHYs", b"\x00") + png_chunk(b"cHRM", b"") + png_chunk(b"gAMA", b"")),
    "EXIF in a PNG that is none": lambda: with_chunks(png_chunk(b"eXIf", b"II")),
    "a chunk nobody knows": lambda: with_chunks(png_chunk(b"vpAg", b"x")),
    "data in two places": lambda: with_chunks(png_chunk(b"IDAT", b"") + png_chunk(b"tIME", bytes(7))),
    "an unknown block in a GIF": lambda: _before_frame(b"!\x42\x03abc\x00"),
    "a control block cut short in a GIF": lambda: _before_frame(b"!\xf9\x01a\x00"),
    "a GIF that breaks off behind its frame": lambda: saved(Image.new("P", (10, 10)), "GIF")[:-1],
    "EXIF in a WebP that is none": lambda: photo("WEBP", exif=b"Exif\x00\x00II"),
    "a profile in a WebP that is none": lambda: photo("WEBP", icc_profile=b"none"),
}  # fmt: skip
"""What decodes, and of which a library warns, or at which it stumbles."""
