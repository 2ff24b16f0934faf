"""The request for a sticker, with the bounds of each field. Text is normalised to NFC and trimmed."""

from __future__ import annotations

import json
import unicodedata
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from milepost.kinds.images.colours import PATTERN as COLOUR
from milepost.kinds.images.colours import is_colour
from milepost.kinds.requests import CanonicalId, CreateJob, PlainText, Strict
from milepost.kinds.told import NOT_BLANK, Told

OTHERS = 10
OTHER_NAME = 64
OTHER = r"^x-[^\u0000]{0,62}$"
OTHER_BYTES = 1024
DATA_BYTES = 32 * 1024
SMALLEST, LARGEST = 256, 2268


def normal(value: Any) -> Any:
    return unicodedata.normalize("NFC", value).strip() if isinstance(value, str) else value


def colour(value: str) -> str:
    if not is_colour(value):
        raise PydanticCustomError("validation_failed", "must be #rgb, #rrggbb or a CSS colour name")
    return value


def refused_url(_: str) -> str:
    raise PydanticCustomError(
        "url_not_allowed",
        "pictures are not fetched from URLs yet: upload the file to /v1/images/sources and send its source_image_id",
    )


Words = Annotated[PlainText, BeforeValidator(normal), Told(pattern=NOT_BLANK)]
Name = Annotated[Words, Field(min_length=1, max_length=40)]
Word = Annotated[Words, Field(min_length=1, max_length=32)]


class Choices(Strict):
    """What is left out is automatic. Keys that begin with `x-` are kept for other renderers."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"additionalProperties": False, "patternProperties": {OTHER: {}}}
    )

    @model_validator(mode="after")
    def _check_others(self) -> Self:
        others = self.model_extra or {}
        faults = [
            InitErrorDetails(type=fault, loc=(name,), input=value)
            for name, value in others.items()
            if (fault := _fault_of_other(name, value)) is not None
        ]
        if faults:
            raise ValidationError.from_exception_data(type(self).__name__, faults)
        if len(others) > OTHERS:
            raise PydanticCustomError("too_many_items", "at most 10 keys may begin with x-")
        return self

    def given(self) -> dict[str, Any]:
        """As sent, by the names that answers use."""
        return self.model_dump(exclude_unset=True)


def _fault_of_other(name: str, value: Any) -> PydanticCustomError | None:
    if not name.startswith("x-"):
        return PydanticCustomError("extra_forbidden", "keys for other renderers begin with x-")
    if len(name) > OTHER_NAME:
        return PydanticCustomError("too_long", "a key that begins with x- has at most 64 characters")
    if len(json.dumps(value, ensure_ascii=False).encode()) > OTHER_BYTES:
        return PydanticCustomError("too_long", "a key that begins with x- holds at most 1 KiB")
    return None


class Effects(Choices):
    """Light on the sticker."""

    foil: Literal["auto", "none", "sheen", "hologram", "radial_prism", "square_prism"] = Field(
        default="auto", description="The film that shines in colours; `auto` goes by the rarity."
    )
    foil_strength: int = Field(default=50, ge=0, le=100, description="How much of it, in percent.")
    starburst: Literal["auto", "none", "jagged", "rounded", "even"] = Field(
        default="auto", description="The rays behind the figure."
    )
    rays: int = Field(default=32, ge=12, le=64, description="How many rays.")
    sparkles: int = Field(default=12, ge=0, le=60, description="How many small stars.")
    gloss: StrictBool = Field(default=True, description="Whether light lies on the surface.")


class Style(Choices):
    """The hand that draws it."""

    lettering: Literal["auto", "spiky", "round", "upright"] = Field(
        default="auto", description="The typeface of the title."
    )
    frame: Literal["auto", "chain", "rope", "feather", "plain"] = Field(
        default="auto", description="What runs around the picture; `auto` goes by the attribute."
    )
    outline: Literal["auto", "black", "gold"] = Field(default="auto", description="The line around the figure.")
    grain: StrictBool = Field(default=True, description="Whether the ground looks printed.")


class CreateImageTask(CreateJob):
    """One sticker. `timeout_seconds` limits one attempt; the same input with the same seed gives the same picture."""

    prompt: Annotated[Words, Field(min_length=1, max_length=4000)] = Field(
        examples=["A small devil who eats thunder"], description="What is to be drawn, in words."
    )
    title: Name = Field(examples=["雷鳴の王子"], description="The line above the figure.")
    character_name: Name = Field(examples=["ゴロゴン"], description="The name below it.")
    attribute: Word = Field(
        examples=["悪魔"],
        description="`悪魔`/`devil`, `天使`/`angel`, `お守り`/`guardian`; any other word gets a neutral mark.",
    )
    rarity: Word = Field(
        examples=["ヘッド"],
        description="`ノーマル`/`normal`, `レア`/`rare`, `スーパーレア`/`super_rare`, `ヘッド`/`head`; any other is drawn as normal.",
    )
    background_color: Annotated[Words, AfterValidator(colour), Told(pattern=COLOUR)] = Field(
        max_length=32, examples=["#7a1fa2"], description="`#rgb`, `#rrggbb` or a CSS colour name."
    )
    effects: Annotated[Effects, Field(default_factory=Effects, description="Light on the sticker.")]
    style: Annotated[Style, Field(default_factory=Style, description="The hand that draws it.")]
    source_image_url: Annotated[PlainText, AfterValidator(refused_url), Told(**{"not": {}})] | None = Field(
        default=None, max_length=2048, description="Not yet: no picture is fetched, any address is refused."
    )
    source_image_id: CanonicalId | None = Field(
        default=None, description="Of a picture of yours that was sent to /v1/images/sources."
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        le=2**53 - 1,
        description="What decides all that is left open; without it, all other fields.",
    )
    size: int = Field(default=1134, ge=SMALLEST, le=LARGEST, description="Pixels per side; 1134 are 48 mm at 600 dpi.")
    format: Literal["png"] = Field(default="png", description="Of the picture.")
    no_cache: StrictBool = Field(default=False, description="Draw it anew even if the same was drawn before.")
    timeout_seconds: int = Field(
        default=120,
        ge=1,
        le=600,
        validation_alias=AliasChoices("timeout_seconds", "timeoutSeconds", "timeout"),
        description="For one attempt.",
    )

    @model_validator(mode="after")
    def _check_length(self) -> Self:
        if len(json.dumps(self.data(), ensure_ascii=False).encode()) > DATA_BYTES:
            raise PydanticCustomError("too_long", "the request is longer than 32 KiB")
        return self

    def data(self) -> dict[str, Any]:
        """The request itself, without what every job has a column for."""
        return {
            **{name: getattr(self, name) for name in PLAIN},
            "effects": self.effects.given(),
            "style": self.style.given(),
            "source_image_url": None,
            "source_image_id": None if self.source_image_id is None else str(self.source_image_id),
        }


PLAIN = (
    "prompt", "title", "character_name", "attribute", "rarity", "background_color", "seed", "size", "format", "no_cache",
)  # fmt: skip
