"""Puts a creature together, from the back to the front."""

from __future__ import annotations

from PIL import Image

from workers.images.render.figure.back import draw_back
from workers.images.render.figure.body import HANDS, draw_arms, draw_legs, draw_outfit
from workers.images.render.figure.genes import Genes, genes_of
from workers.images.render.figure.head import draw_hair_behind, draw_head
from workers.images.render.figure.items import ITEM_TURN, draw_item
from workers.images.render.figure.pen import Pen
from workers.images.render.spec import StickerSpec


def draw_figure(spec: StickerSpec, width: int, height: int) -> Image.Image:
    """The creature, cut out, as large as fits into `width` x `height`."""
    unit = height * 0.80
    pen = Pen((int(unit * 3.2), int(unit * 2.9)), unit, line=height * 0.0185, origin=(unit * 1.6, unit * 1.68))
    compose(pen, genes_of(spec))
    drawn = pen.image.crop(pen.image.getbbox())
    scale = min(width / drawn.width, height / drawn.height)
    size = (max(1, round(drawn.width * scale)), max(1, round(drawn.height * scale)))
    return drawn.resize(size, Image.Resampling.LANCZOS)


def compose(pen: Pen, genes: Genes) -> None:
    draw_back(pen, genes)
    draw_legs(pen, genes)
    with pen.at(*HANDS[genes.pose], turn=ITEM_TURN.get(genes.item, 0.02), scale=0.98):
        draw_item(pen, genes)
    draw_arms(pen, genes)
    with pen.at(0.0, -0.44, scale=0.53, turn=genes.tilt):
        draw_hair_behind(pen, genes)
    draw_outfit(pen, genes)
    with pen.at(0.0, -0.44, scale=0.53, turn=genes.tilt):
        draw_head(pen, genes)
