"""Draws a sticker, layer by layer from the ground up."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from workers.images.render import burst, foil
from workers.images.render.choices import Choices, choices_of
from workers.images.render.colour import colour
from workers.images.render.cutout import cut_out
from workers.images.render.encode import encode
from workers.images.render.figure import draw_figure
from workers.images.render.finish import finish
from workers.images.render.frame import corner_mask, lay_frame
from workers.images.render.ground import ground
from workers.images.render.layer import Sheet
from workers.images.render.lettering import hand_of, set_name
from workers.images.render.mark import draw_mark
from workers.images.render.outline import lay_figure
from workers.images.render.plates import lay_bar, lay_number
from workers.images.render.ribbon import lay_title
from workers.images.render.spec import Rendered, StickerSpec, Tier

Report = Callable[[int, str], None]

_WIDE, _TALL = 0.91, 0.720
_HEAD_TALL = 0.695
_FOOT = 0.850
"""Room for the figure, and where its feet are; a head leaves the top to its mark."""


def render(spec: StickerSpec, source: bytes | None, report: Report) -> Rendered:
    """One sticker; `report` hears the progress and the stage that was reached.

    Raises `SourceRefused` for a source image that is not one.
    """
    choices = choices_of(spec)
    cut = cut_out(source, *_room(spec)) if source is not None else None
    sheet = _ground(spec, choices)
    report(25, "ground")
    _effects(spec, choices, sheet)
    report(45, "effects")
    _character(spec, choices, sheet, cut)
    report(65, "character")
    _lettering(spec, choices, sheet)
    report(80, "lettering")
    lay_frame(sheet, choices.frame, spec.tribe, spec.tier)
    lay_number(sheet, spec)
    finish(sheet.colours, grain=choices.grain, gloss=choices.gloss, seed=spec.drawn_seed)
    report(90, "finish")
    rendered = encode(spec, sheet.colours, sheet.opacity * corner_mask(spec.size))
    report(95, "encoded")
    return rendered


def _ground(spec: StickerSpec, choices: Choices) -> Sheet:
    seed, size, tribe = spec.drawn_seed, spec.size, spec.tribe
    colours, opacity = ground(size, tribe, spec.tier, colour(spec.background_color), seed)
    foil.lay_foil(colours, size, choices.foil, tribe, choices.foil_strength, seed)
    return Sheet(colours, opacity)


def _effects(spec: StickerSpec, choices: Choices, sheet: Sheet) -> None:
    tribe, seed = spec.tribe, spec.drawn_seed
    burst.starburst(sheet.colours, edge=choices.starburst, rays=choices.rays, tribe=tribe, tier=spec.tier, seed=seed)
    burst.sparkles(sheet.colours, choices.sparkles, tribe, seed)


def _room(spec: StickerSpec) -> tuple[int, int]:
    return int(spec.size * _WIDE), int(spec.size * (_HEAD_TALL if spec.tier is Tier.HEAD else _TALL))


def _character(spec: StickerSpec, choices: Choices, sheet: Sheet, cut: Image.Image | None) -> None:
    """The figure and its tribe's mark: in the corner, or above the figure of a head."""
    size, head = spec.size, spec.tier is Tier.HEAD
    figure = cut or draw_figure(spec, *_room(spec))
    mark = draw_mark(spec.tribe, int(size * (0.074 if head else 0.058)), rich=head)
    x, y = (0.5, 0.104) if head else (0.122, 0.112)
    top = int(size * _FOOT) - figure.height
    lay_figure(sheet, figure, (size - figure.width) // 2, top, gold=choices.gold_outline)
    sheet.paste(mark, int(size * x) - mark.width // 2, int(size * y) - mark.height // 2)


def _lettering(spec: StickerSpec, choices: Choices, sheet: Sheet) -> None:
    tribe, tier, seed = spec.tribe, spec.tier, spec.drawn_seed
    hand = hand_of(choices.lettering, tribe)
    name = set_name(spec.size, spec.character_name, tribe, tier, hand, seed)
    lay_bar(sheet, tribe, name.box)
    lay_title(sheet, spec.title, tribe, tier, name, hand.slope)
    name.lay_on(sheet)
