"""What a request for a sticker may say, and how it is kept."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from PIL import ImageColor
from pydantic import ValidationError

from milepost.kinds.images.colours import NAMES
from milepost.kinds.images.requests import CreateImageTask
from tests.images_fixtures import REQUEST


def asked(**changes: Any) -> dict[str, Any]:
    return CreateImageTask.model_validate({**REQUEST, **changes}).data()


def test_text_is_normalised_and_trimmed() -> None:
    assert asked(title="  か\u3099 ")["title"] == "が"


def test_what_is_left_out_stays_out_and_the_rest_has_its_default() -> None:
    data = asked()

    assert (data["effects"], data["style"], data["seed"], data["size"], data["format"], data["no_cache"]) == (
        {}, {}, None, 1134, "png", False,
    )  # fmt: skip


def test_choices_are_kept_as_sent_by_the_names_of_answers() -> None:
    data = asked(effects={"foil": "auto", "foilStrength": 10, "x-glitter": {"grade": 2}}, style={"grain": False})

    assert data["effects"] == {"foil": "auto", "foil_strength": 10, "x-glitter": {"grade": 2}}
    assert data["style"] == {"grain": False}


def test_the_sources_own_names_are_taken() -> None:
    request = CreateImageTask.model_validate({**REQUEST, "noCache": True, "timeout": 7})

    assert (request.no_cache, request.timeout_seconds) == (True, 7)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"prompt": " "}, "prompt"),
    ({"prompt": "x" * 4001}, "prompt"),
    ({"title": "x" * 41}, "title"),
    ({"character_name": ""}, "character_name"),
    ({"attribute": "x" * 33}, "attribute"),
    ({"rarity": ""}, "rarity"),
    ({"background_color": "#12345"}, "background_color"),
    ({"background_color": "blurple"}, "background_color"),
    ({"background_color": "rgb(1,2,3)"}, "background_color"),
    ({"effects": {"foil": "gold"}}, "effects"),
    ({"effects": {"foil_strength": 101}}, "effects"),
    ({"effects": {"rays": 11}}, "effects"),
    ({"effects": {"sparkles": 61}}, "effects"),
    ({"effects": {"gloss": 1}}, "effects"),
    ({"effects": {"glitter": 1}}, "effects"),
    ({"effects": {"x-a": "y" * 1025}}, "effects"),
    ({"effects": {f"x-{n}": 1 for n in range(11)}}, "effects"),
    ({"style": {"lettering": "italic"}}, "style"),
    ({"style": {"frame": None}}, "style"),
    ({"seed": -1}, "seed"),
    ({"seed": 2**53}, "seed"),
    ({"size": 255}, "size"),
    ({"size": 2269}, "size"),
    ({"format": "jpeg"}, "format"),
    ({"timeout_seconds": 601}, "timeout_seconds"),
    ({"timeout_seconds": 0}, "timeout_seconds"),
    ({"source_image_url": "https://example.com/a.png"}, "source_image_url"),
    ({"source_image_id": "x"}, "source_image_id"),
    ({"status": "completed"}, "status"),
]


@pytest.mark.parametrize(("change", "field"), REFUSED)
def test_what_is_out_of_its_bounds_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        asked(**change)

    assert caught.value.errors()[0]["loc"][0] == field


def test_a_url_is_refused_with_the_way_there_is() -> None:
    with pytest.raises(ValidationError, match="/v1/images/sources") as caught:
        asked(source_image_url="https://example.com/a.png")

    assert caught.value.errors()[0]["type"] == "url_not_allowed"


TAKEN: list[dict[str, Any]] = [
    {"prompt": "x" * 4000, "title": "題" * 40, "character_name": "名" * 40},
    {"background_color": "#ABC"},
    {"background_color": " RebeccaPurple "},
    {"attribute": "海", "rarity": "unheard of"},
    {"effects": {f"x-{n}": "y" * 1000 for n in range(10)}},
    {"seed": 2**53 - 1, "size": 2268, "timeout_seconds": 600},
    {"source_image_id": UUID(int=7)},
    {"source_image_url": None, "source_image_id": None},
]


@pytest.mark.parametrize("change", TAKEN)
def test_what_is_at_its_bounds_is_taken(change: dict[str, Any]) -> None:
    assert asked(**change)


def test_every_colour_name_can_be_drawn() -> None:
    assert frozenset(ImageColor.colormap) == NAMES
