"""Layer 6 from a source image: cut out by its alpha or by an ellipse, in few colours, as if painted on a cel."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from workers.images.render.source import read_source

COLOURS = 32


def cut_out(data: bytes, width: int, height: int) -> Image.Image:
    """The figure, as large as fits into `width` x `height`. Raises `SourceRefused`."""
    image = read_source(data)
    part = _by_alpha(image) if _has_shape(image) else _by_ellipse(image)
    scale = min(height / part.height, width / part.width)
    size = (max(1, round(part.width * scale)), max(1, round(part.height * scale)))
    return _painted(part.resize(size, Image.Resampling.LANCZOS))


def _has_shape(image: Image.Image) -> bool:
    """Whether alpha cuts anything: at least one pixel in fifty is clear."""
    clear = image.getchannel("A").histogram()[:64]
    return sum(clear) * 50 >= image.width * image.height and image.getchannel("A").getbbox() is not None


def _by_alpha(image: Image.Image) -> Image.Image:
    return image.crop(image.getchannel("A").point([0] * 25 + [255] * 231).getbbox())


def _by_ellipse(image: Image.Image) -> Image.Image:
    """The middle, in the proportions of a figure."""
    width, height = image.size
    box_width = min(width, int(height * 0.92) or 1)
    box_height = min(height, int(box_width * 1.18) or 1)
    left, top = (width - box_width) // 2, int((height - box_height) * 0.35)
    part = image.crop((left, top, left + box_width, top + box_height))
    mask = Image.new("L", (box_width * 2, box_height * 2), 0)
    ImageDraw.Draw(mask).ellipse((2, 2, box_width * 2 - 3, box_height * 2 - 3), fill=255)
    part.putalpha(ImageChops.multiply(part.getchannel("A"), mask.resize(part.size, Image.Resampling.LANCZOS)))
    return part


def _painted(image: Image.Image) -> Image.Image:
    """Smoothed, brightened and brought down to a cel painter's few colours."""
    alpha = image.getchannel("A").point([min(255, max(0, (value - 96) * 4)) for value in range(256)])
    colours = image.convert("RGB").filter(ImageFilter.MedianFilter(5))
    colours = ImageEnhance.Contrast(ImageEnhance.Color(colours).enhance(1.35)).enhance(1.12)
    few = colours.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    few.putalpha(alpha)
    return few
