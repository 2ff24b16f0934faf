from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from workers.images.render import VERSION, Rendered, StickerSpec, render
from workers.images.render.colour import INK, Colour
from workers.images.render.figure import draw_figure
from workers.images.render.foil import foil
from workers.images.render.layer import Sheet
from workers.images.render.lettering import hand_of, set_name
from workers.images.render.pool import RenderPool
from workers.images.render.ribbon import lay_title
from workers.images.render.sheet import contact_sheet
from workers.images.render.spec import Tier, Tribe

ATTRIBUTES = ("devil", "guardian", "angel", "robot")
RARITIES = ("normal", "rare", "super_rare", "head")
NAMES = (
    "炎",
    "ルナ",
    "魔炎ゴルザ",
    "パブロディエゴホセフランシスコデパウラフアンネポムセーノマリアデロスレメディ",
    "Captain Barnaby Ångström-Müller",
    "🔥👻",
    "W" * 40,
    "안녕 สวัสดี",
)


def luminance(base: Colour) -> float:
    """Relative luminance by WCAG 2."""
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in base)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: Colour, second: Colour) -> float:
    """Contrast ratio by WCAG 2, 1 … 21."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def spec(**changes: object) -> StickerSpec:
    fields: dict[str, object] = {
        "title": "暗黒火山の主",
        "character_name": "魔炎ゴルザ",
        "attribute": "devil",
        "rarity": "head",
        "background_color": "#b0103a",
        "seed": 7,
        "size": 300,
    }
    return StickerSpec(**{**fields, **changes})  # type: ignore[arg-type]


def drawn(wanted: StickerSpec, source: bytes | None = None) -> Rendered:
    return render(wanted, source, lambda _progress, _stage: None)


def pixels(rendered: Rendered) -> Image.Image:
    return Image.open(io.BytesIO(rendered.png))


def looks(image: Image.Image) -> np.ndarray:
    """A perceptual hash: the signs of the 8 x 8 lowest frequencies of each channel."""
    small = np.asarray(image.convert("RGB").resize((32, 32), Image.Resampling.LANCZOS), dtype=float)
    steps = np.arange(32)
    cosines = np.cos(np.pi * (2 * steps[None, :] + 1) * steps[:8, None] / 64)
    waves = np.einsum("ux,xyc,vy->cuv", cosines, small, cosines).reshape(3, -1)[:, 1:]
    return (waves > np.median(waves, axis=1, keepdims=True)).ravel()


def test_the_same_request_gives_the_same_bytes_again_and_in_another_process():
    first, again = drawn(spec()), drawn(spec())

    assert first == again
    assert first.version == VERSION


async def test_a_fresh_process_draws_the_same_bytes():
    async with RenderPool(1) as pool:
        elsewhere = await pool.render(spec(), None, lambda _progress, _stage: None)

    assert elsewhere == drawn(spec())


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 8},
        {"title": "暗黒火山の王"},
        {"character_name": "魔炎ゴルザー"},
        {"background_color": "teal"},
        {"rarity": "rare"},
        {"attribute": "天使"},
        {"size": 301},
        {"effects": {"foil": "radial_prism"}},
        {"effects": {"gloss": False}},
        {"effects": {"foil_strength": 10}},
        {"effects": {"starburst": "rounded", "rays": 12, "sparkles": 0}},
        {"style": {"lettering": "round"}},
        {"style": {"frame": "rope"}},
        {"style": {"outline": "black"}},
        {"style": {"grain": False}},
    ],
    ids=str,
)
def test_every_input_that_is_meant_to_change_the_picture_does(change: dict[str, object]):
    assert drawn(spec(**change)).sha256 != drawn(spec()).sha256


def test_known_words_mean_the_same_in_any_case_and_language():
    assert {spec(attribute=word).tribe for word in ("悪魔", "Devil", " DEVIL ")} == {Tribe.DEVIL}
    assert {spec(rarity=word).tier for word in ("ヘッド", "HEAD")} == {Tier.HEAD}
    assert (spec(attribute="dragon").tribe, spec(rarity="mythic").tier) == (Tribe.PLAIN, Tier.NORMAL)


def test_every_attribute_in_every_rarity_looks_different():
    hashes = {
        pair: looks(pixels(drawn(spec(attribute=pair[0], rarity=pair[1], size=256))))
        for pair in itertools.product(ATTRIBUTES, RARITIES)
    }

    nearest = min((int((hashes[a] != hashes[b]).sum()), a, b) for a, b in itertools.combinations(hashes, 2))

    assert nearest[0] >= 12, nearest


def test_a_creature_follows_from_its_name_and_attribute_not_from_seed_or_rarity_of_foil():
    def creature(**changes: object) -> bytes:
        return draw_figure(spec(**{"rarity": "normal", **changes}), 200, 200).tobytes()

    names = ["グレンガロン", "ヤミノツメ", "ドクロバット", "雷獄鬼", "グリムゾン", "アクマルド"]
    assert len({creature(character_name=name) for name in names}) == len(names)
    assert len({creature(attribute=attribute) for attribute in ATTRIBUTES}) == len(ATTRIBUTES)
    assert creature(seed=1) == creature(seed=2) == creature(rarity="rare")


def test_the_file_says_what_it_is_and_nothing_about_who_asked():
    rendered = drawn(spec(prompt="秘密 secret words", rarity="ヘッド"))

    image = pixels(rendered)

    assert image.info == {
        "Title": "暗黒火山の主",
        "Attribute": "devil",
        "Rarity": "ヘッド",
        "Seed": "7",
        "Renderer": VERSION,
    }
    assert b"tIME" not in rendered.png
    assert b"secret" not in rendered.png
    assert (image.size, image.mode) == ((300, 300), "RGBA")


def test_corners_are_round_and_a_guardian_is_clear_film():
    devil, guardian = (
        np.asarray(pixels(drawn(spec(attribute=name, rarity="normal"))))[..., 3] for name in ("devil", "guardian")
    )

    assert devil[0, 0] == guardian[0, 0] == 0
    assert devil[60, 40] == 255
    assert 180 < np.percentile(guardian[40:260, 20:280], 5) < 255


def test_progress_is_told_in_the_stages_of_the_drawing():
    told: list[tuple[int, str]] = []

    render(spec(), None, lambda progress, stage: told.append((progress, stage)))

    assert told == [
        (25, "ground"),
        (45, "effects"),
        (65, "character"),
        (80, "lettering"),
        (90, "finish"),
        (95, "encoded"),
    ]


@pytest.mark.parametrize("size", [256, 1134])
def test_a_sticker_has_the_size_that_was_asked_for(size: int):
    rendered = drawn(spec(size=size))

    assert (rendered.width, rendered.height) == pixels(rendered).size == (size, size)


@pytest.mark.parametrize("tribe", Tribe)
def test_the_foil_of_a_head_has_many_hues(tribe: Tribe):
    colours = foil(1134, "square_prism", tribe, 7)
    image = Image.fromarray((colours * 255).astype(np.uint8).transpose(1, 2, 0)).convert("HSV")

    hues, saturations, _ = (np.asarray(band) for band in image.split())
    counts = np.bincount(hues[saturations > 50] // 4, minlength=64)

    assert (counts > counts.sum() / 500).sum() >= 12


@pytest.mark.parametrize("tier", [Tier.NORMAL, Tier.HEAD])
@pytest.mark.parametrize("tribe", Tribe)
def test_letters_stand_out_from_what_is_around_them(tribe: Tribe, tier: Tier):
    name = set_name(567, "魔炎ゴルザ", tribe, tier, hand_of("auto", tribe), 7)

    inside = name.colours[:, name.letters == 255].T
    around = name.colours[:, (name.ink == 255) & (name.letters == 0)].T
    ratios = [contrast(tuple(map(float, colour)), INK) for colour in np.unique((inside * 16).round() / 16, axis=0)]  # type: ignore[arg-type]

    assert np.allclose(around, INK, atol=0.01)
    assert min(ratios) >= 4.5


@pytest.mark.parametrize("text", NAMES)
@pytest.mark.parametrize("style", ["spiky", "round", "upright"])
def test_no_name_is_clipped(style: str, text: str):
    size = 567
    for tribe, tier in ((Tribe.DEVIL, Tier.HEAD), (Tribe.ANGEL, Tier.NORMAL)):
        name = set_name(size, text, tribe, tier, hand_of(style, tribe), 7)

        left, top, right, bottom = name.box

        assert left >= size * 0.02, name.box
        assert right <= size * 0.98, name.box
        assert top > name.top, name.box
        assert bottom <= size * 0.98, name.box
        assert bottom < name.top + name.cover.shape[0], name.box


@pytest.mark.parametrize("tier", [Tier.RARE, Tier.HEAD])
@pytest.mark.parametrize("text", NAMES)
def test_the_title_stands_whole_on_a_wide_ribbon(text: str, tier: Tier):
    size = 567
    for tribe in Tribe:
        hand = hand_of("auto", tribe)
        blank = Sheet(np.zeros((3, size, size), dtype=np.float32), np.zeros((size, size), dtype=np.float32))
        name = set_name(size, "魔炎ゴルザ", tribe, tier, hand, 7)

        ribbon = lay_title(blank, text, tribe, tier, name, hand.slope)

        assert ribbon.box[2] - ribbon.box[0] >= size * 0.55
        assert ribbon.box[0] < ribbon.ink[0] < ribbon.ink[2] < ribbon.box[2]
        assert ribbon.box[1] < ribbon.ink[1] < ribbon.ink[3] < ribbon.box[3]
        assert contrast(ribbon.plate, ribbon.letter) >= 4.5


def test_a_background_that_is_no_colour_is_still_drawn():
    assert drawn(spec(background_color="no such colour")).png


def test_the_contact_sheet_shows_every_pair():
    sheet = Image.open(io.BytesIO(contact_sheet(cell=64, size=256)))

    assert sheet.size == (4 * 67 + 3, 3 * 67 + 3)
    cells = [
        sheet.crop((3 + 67 * column, 3 + 67 * row, 67 + 67 * column, 67 + 67 * row)).tobytes()
        for row in range(3)
        for column in range(4)
    ]
    assert len(set(cells)) == 12
