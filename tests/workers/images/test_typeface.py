from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from workers.images.render import typeface
from workers.images.render.typeface import FALLBACKS, HEAVY, ROUND, SPIKY, Glyph, coverage, font, glyphs

JAPANESE = (
    [chr(code) for code in (*range(0x3041, 0x3097), *range(0x30A1, 0x30FF))]
    + list("\uff01\uff1f々〆〜・ー★☆♪♥①②魔守天聖鬼龍凰獄翼輝闇剣盾鈴福炎雷氷嵐月星")
    + [bytes((row, cell)).decode("euc_jp") for row in range(0xB0, 0xD0) for cell in range(0xA1, 0xFF) if (row, cell) < (0xCF, 0xD4)]
)  # fmt: skip


def shape(text: str, name: str) -> bytes:
    image = Image.new("L", (96, 96))
    ImageDraw.Draw(image).text((48, 64), text, fill=255, font=font(name, 48), anchor="ms")
    return image.tobytes()


EMPTY = bytes(96 * 96)
BOXES = {name: shape("\uffff", name) for name in FALLBACKS}


def assert_drawn(text: str, first: str) -> list[Glyph]:
    drawn = glyphs(text, first)
    for glyph in drawn:
        if glyph.text.strip():
            assert shape(glyph.text, glyph.font) not in {EMPTY, BOXES[glyph.font]}, (text, glyph)
    return drawn


@pytest.mark.parametrize("first", [SPIKY, ROUND, HEAVY])
def test_japanese_is_drawn_whole_in_every_hand(first: str):
    assert len(JAPANESE) > 3000
    for character in JAPANESE:
        drawn = assert_drawn(character, first)
        assert [glyph.text for glyph in drawn] == [character]


@pytest.mark.parametrize(
    ("text", "fonts"),
    [
        ("안녕하세요 세계", {"BlackHanSans"}),
        ("สวัสดีชาวโลก", {"Kanit"}),
        ("Ångström Müller Łódź Ñandú Žižek façade ß ẞ", {SPIKY, HEAVY, ROUND, "Kanit"}),
        ("Привет мир Ωμέγα", {SPIKY, HEAVY, ROUND}),
        ("👻🔥🎉🐉⚔️", {"NotoEmoji", HEAVY, SPIKY}),
        ("Việt Nam", {SPIKY, HEAVY, "Kanit"}),
    ],
)
def test_other_scripts_fall_back_to_another_bundled_font(text: str, fonts: set[str]):
    drawn = assert_drawn(text, SPIKY)

    assert {glyph.font for glyph in drawn if glyph.text.strip()} <= fonts


@pytest.mark.parametrize("text", ["مرحبا", "नमस्ते", "שלום", "龘", "ქართული", "ᚠᚢᚦ", "𠮷野家", "뷁"])
def test_what_no_bundled_font_has_is_romanised(text: str):
    drawn = assert_drawn(text, HEAVY)

    assert "".join(glyph.text for glyph in drawn).strip()


@pytest.mark.parametrize(
    "text", ["", " ", "\u200b\u200d", "\ue000\ue001", "\U000f0000", "\ufe0f", "\u0301", "\x00\x07", "\ud800"]
)
def test_what_cannot_be_spelled_becomes_a_question_mark(text: str):
    assert glyphs(text, SPIKY) == [Glyph("?", HEAVY)]


def test_joined_emoji_flags_and_skin_tones_are_drawn_from_their_parts():
    assert [glyph.text for glyph in assert_drawn("👩‍🚀👍🏽🇯🇵1️⃣", ROUND)] == ["👩", "🚀", "👍", "J", "P", "1"]


def test_marks_stay_with_their_letter():
    assert [glyph.text for glyph in glyphs("e\u0301か\u3099", HEAVY)] == ["é", "が"]
    assert len(glyphs("กิ่ง", HEAVY)) == 2


@pytest.mark.parametrize("name", FALLBACKS)
def test_coverage_read_from_the_file_is_what_the_library_draws(name: str):
    for code in sorted(coverage(name))[::37]:
        character = chr(code)
        if character.isprintable() and not character.isspace() and not typeface._is_mark(character):
            assert shape(character, name) != BOXES[name] or character in "\ufffd□", hex(code)


def test_every_font_comes_with_its_licence():
    for file in typeface.FONT_FOLDER.glob("*.ttf"):
        assert "SIL OPEN FONT LICENSE" in (typeface.FONT_FOLDER / f"{file.stem}.OFL.txt").read_text().upper()
    assert sum(file.stat().st_size for file in typeface.FONT_FOLDER.iterdir()) < 12_000_000
