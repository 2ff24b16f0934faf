"""The bundled fonts: which of them has a character, and what is drawn when none has it."""

from __future__ import annotations

import struct
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from anyascii import anyascii
from PIL import ImageFont

from workers.images.render.version import FONT_FOLDER

SPIKY, ROUND, HEAVY = "ReggaeOne", "RocknRollOne", "DelaGothicOne"
FALLBACKS = (HEAVY, ROUND, SPIKY, "BlackHanSans", "Kanit", "NotoEmoji")
UNKNOWN = "?"
"""Stands for a text of which nothing has a glyph or a spelling in Latin letters."""

_DROPPED = {*range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), 0x20E3, *range(0xE0000, 0xE01F0)}
"""Variation selectors, skin tones, keycaps, tags: they change a glyph that is drawn well without them."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character with its marks, and the font that has them all."""

    text: str
    font: str


@lru_cache(maxsize=64)
def font(name: str, pixels: int) -> ImageFont.FreeTypeFont:
    path = FONT_FOLDER / f"{name}.ttf"
    return ImageFont.truetype(str(path), pixels, layout_engine=ImageFont.Layout.BASIC)


def glyphs(text: str, first: str) -> list[Glyph]:
    """Every character of the text as something that can be drawn; never empty."""
    drawn: list[Glyph] = []
    for character in unicodedata.normalize("NFC", text):
        if _is_mark(character) and drawn:
            _add_mark(drawn, character)
        else:
            drawn += _drawable(character, first)
    while drawn and not drawn[-1].text.strip():
        drawn.pop()
    while drawn and not drawn[0].text.strip():
        drawn.pop(0)
    return drawn or [Glyph(UNKNOWN, HEAVY)]


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in {"Mn", "Me", "Mc"}


def _add_mark(drawn: list[Glyph], mark: str) -> None:
    """Marks are drawn with their letter's font or, if it lacks them, not at all."""
    last = drawn[-1]
    if last.text.strip() and ord(mark) not in _DROPPED and ord(mark) in coverage(last.font):
        drawn[-1] = Glyph(last.text + mark, last.font)


def _drawable(character: str, first: str) -> list[Glyph]:
    code = ord(character)
    if character.isspace():
        return [Glyph(" ", first)]
    if code in _DROPPED or unicodedata.category(character) in {"Cc", "Cf", "Cs"} or _is_mark(character):
        return []
    if 0x1F1E6 <= code <= 0x1F1FF:  # a flag's two letters; as a pair they are no glyph in any bundled font
        return [Glyph(chr(code - 0x1F1E6 + ord("A")), first)]
    for name in (first, *FALLBACKS):
        if code in coverage(name):
            return [Glyph(character, name)]
    return _spelled(character, first)


def _spelled(character: str, first: str) -> list[Glyph]:
    """Romanised; nothing if the character has no spelling of its own."""
    return [Glyph(letter, first) for letter in anyascii(character) if ord(letter) in coverage(first)]


@lru_cache(maxsize=8)
def coverage(name: str) -> frozenset[int]:
    """The characters for which a font has a glyph, read from its `cmap`: Pillow does not tell."""
    data = (FONT_FOLDER / f"{name}.ttf").read_bytes()
    tables = struct.unpack_from(">H", data, 4)[0]
    for record in range(tables):
        tag, _, offset, _ = struct.unpack_from(">4sIII", data, 12 + 16 * record)
        if tag == b"cmap":
            return frozenset(_mapped(data, offset))
    raise ValueError(f"{name} has no cmap")


def _mapped(data: bytes, start: int) -> set[int]:
    codes: set[int] = set()
    for record in range(struct.unpack_from(">H", data, start + 2)[0]):
        platform, _, offset = struct.unpack_from(">HHI", data, start + 4 + 8 * record)
        kind = struct.unpack_from(">H", data, start + offset)[0]
        if platform in {0, 3} and kind == 4:
            codes |= _segments(data, start + offset)
        elif platform in {0, 3} and kind == 12:
            codes |= _groups(data, start + offset)
    return codes


def _segments(data: bytes, at: int) -> set[int]:
    """Format 4: runs of the basic plane."""
    count = struct.unpack_from(">H", data, at + 6)[0] // 2
    arrays = [struct.unpack_from(f">{count}H", data, at + 14 + 2 * count * i + (2 if i else 0)) for i in range(4)]
    codes: set[int] = set()
    for index, (end, first, delta, reach) in enumerate(zip(*arrays, strict=True)):
        base = at + 16 + 6 * count + 2 * index
        for code in range(first, min(end, 0xFFFE) + 1):
            glyph = code if reach == 0 else struct.unpack_from(">H", data, base + reach + 2 * (code - first))[0]
            if (glyph + delta if glyph or reach == 0 else 0) & 0xFFFF:
                codes.add(code)
    return codes


def _groups(data: bytes, at: int) -> set[int]:
    """Format 12: groups of every plane."""
    codes: set[int] = set()
    for group in range(struct.unpack_from(">I", data, at + 12)[0]):
        first, last, glyph = struct.unpack_from(">III", data, at + 16 + 12 * group)
        codes.update(range(first + (glyph == 0), last + 1))
    return codes
