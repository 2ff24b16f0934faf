"""What a decoder is given of a picture: bounded before it is decoded, without what is only untidy."""

from __future__ import annotations

import io
import random
import warnings
from collections import Counter
from collections.abc import Callable

import pytest
from PIL import Image

from tests.hostile_pictures import (
    BOMBS,
    UNTIDY,
    animated_webp,
    exif,
    film,
    photo,
    png_chunk,
    repeated_scans,
    samsung_records,
    saved,
    with_chunks,
    with_segment,
)
from workers.images.render.bare import bare
from workers.images.render.source import SourceRefused, read_source


@pytest.mark.parametrize(("make", "code", "words"), BOMBS.values(), ids=BOMBS.keys())
def test_what_costs_too_much_is_refused_before_it_is_decoded(make: Callable[[], bytes], code: str, words: str) -> None:
    data = make()
    assert len(data) <= 5 * 1024 * 1024

    with pytest.raises(SourceRefused) as refused:
        bare(data)

    assert (refused.value.code, words in refused.value.message) == (code, True), refused.value.message


@pytest.mark.parametrize("make", UNTIDY.values(), ids=UNTIDY.keys())
def test_what_is_only_untidy_is_a_picture(make: Callable[[], bytes]) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        picture = read_source(make())

    assert picture.mode == "RGBA"
    assert told == []


DISGUISED = {
    "an archive": b"PK\x03\x04 an archive",
    "a program": b"<?php echo 1 ?>",
    "a program before a view": b"<?php echo 1 ?>" + photo(),
    "an archive behind a film": film() + b"PK\x03\x04 an archive",
    "an archive before a film": b"PK\x03\x04 an archive" + film(),
    "a film that is too short": film()[:-1],
    "a film whose box is too short": film() + b"\x00\x00\x00\x04mdat",
    "an archive before Samsung's records": b"PK\x03\x04 an archive" + samsung_records(b"1"),
    "Samsung's records without a head": samsung_records(b"1").replace(b"SEFH", b"SEFX"),
    "Samsung's records of another count": samsung_records(b"1").replace(b"SEFH\x6a\x00\x00\x00\x01", b"SEFH\x6a\x00\x00\x00\x02"),
    "the end of Samsung's records alone": b"\xff\xff\xff\xffSEFT",
}  # fmt: skip


@pytest.mark.parametrize("behind", DISGUISED.values(), ids=DISGUISED.keys())
def test_a_second_file_in_disguise_is_refused(behind: bytes) -> None:
    with pytest.raises(SourceRefused, match="does not end where a JPEG ends"):
        bare(photo() + behind)


def test_a_usual_progressive_photo_is_read() -> None:
    data = saved(Image.effect_noise((1500, 1000), 60).convert("RGB"), "JPEG", progressive=True)

    assert data.count(b"\xff\xda") > 5
    assert read_source(data).size == (1500, 1000)
    assert read_source(repeated_scans(20, (64, 64))).size == (64, 64)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("entries", [1, 300])
def test_what_is_up_is_found_among_damaged_tags(order: str, entries: int) -> None:
    pictures = [
        with_segment(0xE1, exif(entries, order=order)),
        photo("WEBP", exif=exif(entries, order=order)),
        with_chunks(png_chunk(b"eXIf", exif(entries, order=order)[6:])),
    ]

    sizes = [read_source(data).size for data in pictures]

    assert sizes == [(120, 160), (120, 160), (40, 40)]


def test_nothing_but_pixels_reaches_the_decoder() -> None:
    secret = b"where it was taken"
    pictures = [
        photo(exif=exif() + secret, comment=secret, icc_profile=secret),
        photo("WEBP", exif=exif() + secret, icc_profile=secret, xmp=secret),
        with_chunks(png_chunk(b"tEXt", b"a\x00" + secret) + png_chunk(b"eXIf", exif()[6:] + secret)),
        saved(Image.new("P", (9, 9)), "GIF", comment=secret),
    ]

    assert [(secret in data, secret in bare(data).data) for data in pictures] == [(True, False)] * 4


def test_only_the_first_frame_reaches_the_decoder() -> None:
    frames = [Image.new("RGB", (30, 30), tint) for tint in ("red", "blue", "green")]
    for form in ("GIF", "WEBP", "PNG"):
        data = saved(frames[0], form, save_all=True, append_images=frames[1:])

        with Image.open(io.BytesIO(bare(data).data)) as image:
            assert getattr(image, "n_frames", 1) == 1
            assert image.convert("RGB").getpixel((3, 3))[0] > 250  # type: ignore[index]


def test_grey_in_sixteen_bits_is_not_cut_off() -> None:
    for size in ((30, 20), (4900, 20)):
        data = saved(Image.new("I;16", size, 0x4080), "PNG")

        assert read_source(data).getpixel((1, 1)) == (0x40, 0x40, 0x40, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_is_made_small(mode: str) -> None:
    assert read_source(saved(Image.new(mode, (5000, 100)), "PNG")).size == (2500, 50)


def test_a_colour_that_stands_for_clear_is_not_mixed_with_others() -> None:
    image = Image.new("L", (4800, 10), 7)
    image.paste(200, (2401, 0, 4800, 10))

    small = read_source(saved(image, "PNG", transparency=7))

    assert small.getpixel((3, 3)) == (0, 0, 0, 0)
    assert small.getpixel((2000, 3)) == (200, 200, 200, 255)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_changed_in_a_picture_it_is_read_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    sound = [make() for make in UNTIDY.values()]
    sound += [photo("PNG"), photo("WEBP"), photo("WEBP", lossless=True), photo(progressive=True), animated_webp(2)]
    outcomes: Counter[str] = Counter()
    for _ in range(1500):
        try:
            outcomes[read_source(spoilt(chance.choice(sound), chance)).mode] += 1
        except SourceRefused as refused:
            outcomes[refused.code] += 1

    assert set(outcomes) == {"RGBA", "SOURCE_INVALID", "SOURCE_TOO_LARGE"}


def spoilt(data: bytes, chance: random.Random) -> bytes:
    """Some bytes replaced, most of them near the beginning; then cut short, or with something inserted."""
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8])):
        changed[chance.randrange(min(len(changed), chance.choice([64, 400, len(changed)])))] = chance.choice(
            [0x00, 0xFF, 0xD8, 0xD9, 0xDA, 0x21, 0x2C, 0x3B, chance.randrange(256)]
        )
    at = chance.randrange(len(changed))
    return bytes(chance.choice([changed, changed[:at], changed[:at] + chance.randbytes(9) + changed[at:]]))
