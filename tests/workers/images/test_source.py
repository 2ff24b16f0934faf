from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from workers.images.render import StickerSpec, render
from workers.images.render.cutout import cut_out
from workers.images.render.source import MAX_BYTES, SourceRefused, check_source, read_source


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def picture(size: tuple[int, int] = (60, 40), mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, size, 40 if mode in {"L", "P"} else (200, 30, 60, 255)[: len(mode)])
    image.paste(90, (0, 0, size[0] // 2, size[1] // 2)) if mode in {"L", "P"} else None
    return image


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, data: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_the_four_formats_are_known_by_their_content(kind: str):
    data = saved(picture(), kind)

    assert check_source(data) == (kind, 60, 40)
    assert (read_source(data).size, read_source(data).mode) == ((60, 40), "RGBA")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_common_mode_is_read(mode: str):
    assert read_source(saved(Image.new(mode, (30, 20)), "PNG")).size == (30, 20)


def test_only_the_first_frame_is_read():
    frames = [Image.new("RGB", (20, 20), tint) for tint in ("red", "blue", "green")]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])

    assert read_source(data).getpixel((5, 5)) == (255, 0, 0, 255)


def test_the_picture_is_turned_as_its_exif_says_and_the_rest_of_it_is_dropped():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Secret Camera"
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "secret place")

    for data in (saved(picture(), "JPEG", exif=exif), saved(picture(), "PNG", exif=exif, pnginfo=info)):
        image = read_source(data)

        assert image.size == (40, 60)
        assert image.info == {}
        assert not image.getexif()


def test_nothing_of_the_source_but_its_pixels_reaches_the_sticker():
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera"
    spec = StickerSpec("t", "n", "devil", "rare", "red", seed=1, size=256)

    rendered = render(spec, saved(picture(), "JPEG", exif=exif, comment=b"secret place"), lambda _p, _s: None)

    assert b"ecret" not in rendered.png


def test_a_shape_is_cut_out_by_its_alpha_and_a_photo_by_an_ellipse():
    shaped = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    shaped.paste((255, 0, 0, 255), (30, 20, 70, 90))

    assert cut_out(saved(shaped, "PNG"), 300, 300).size == (171, 300)
    photo = cut_out(saved(picture((300, 300)), "JPEG"), 300, 300)
    assert photo.getchannel("A").getpixel((1, 1)) == 0
    assert photo.getchannel("A").getpixel((photo.width // 2, photo.height // 2)) == 255


SOUND = saved(picture((200, 200)), "PNG")
JPEG = saved(Image.effect_noise((200, 200), 80).convert("RGB"), "JPEG")
WEBP = saved(Image.effect_noise((200, 200), 80).convert("RGB"), "WEBP")
GIF = saved(picture((200, 200)), "GIF")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        saved(picture(), "BMP"),
        saved(picture(), "TIFF"),
        saved(picture(), "ICO"),
        saved(picture(), "PPM"),
        SOUND[: len(SOUND) // 2],
        JPEG[: len(JPEG) // 2],
        WEBP[: len(WEBP) // 2],
        GIF[: len(GIF) // 2],
        SOUND + b"<script>alert(1)</script>",
        SOUND + b"PK\x03\x04 a second file",
        JPEG + b"<?php echo 1 ?>",
        WEBP + b"GIF89a",
        GIF + b"/*js*/",
        b"GIF89a/*<script>*/;",
        b"\x89PNG\r\n\x1a\n" + SOUND,
        b"\x89PNG\r\n\x1a\n" + JPEG,
        SOUND.replace(b"IDAT", b"IDAX"),
        SOUND[:60] + b"\x00" * 20 + SOUND[80:],
        png_of(0, 10),
        png_of(10, 10, b"not deflate"),
        png_of(4000, 4000, zlib.compress(b"\x00" * 100)),
        b"RIFF\xff\xff\xff\xffWEBP",
        b"RIFF",
        b"\xff\xd8\xff\xd9",
    ],
)
def test_what_is_broken_or_something_else_is_invalid(data: bytes):
    with pytest.raises(SourceRefused) as refused:
        read_source(data)

    assert refused.value.code == "SOURCE_INVALID"


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(MAX_BYTES),
        png_of(41_000, 1_000),
        png_of(2**31 - 1, 2**31 - 1),
        png_of(65_535, 65_535, zlib.compress(bytes(1_000_000), 9)),
        saved(Image.new("1", (8_000, 5_126)), "PNG"),
    ],
    ids=["bytes", "41 megapixels", "largest header", "bomb", "real pixels"],
)
def test_what_is_too_large_is_refused_by_its_header(data: bytes):
    with pytest.raises(SourceRefused) as refused:
        read_source(data)

    assert refused.value.code == "SOURCE_TOO_LARGE"


def test_forty_megapixels_are_read_and_made_small_at_once():
    image = read_source(saved(Image.new("L", (8_000, 5_000), 90), "PNG"))

    assert image.size == (2667, 1667)


def test_a_text_bomb_inside_a_png_is_refused():
    bomb = chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(b"A" * 80_000_000, 9))
    data = SOUND[:33] + bomb + SOUND[33:]

    with pytest.raises(SourceRefused) as refused:
        read_source(data)

    assert refused.value.code == "SOURCE_INVALID"
