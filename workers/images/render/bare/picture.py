"""What is passed on of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["PNG", "JPEG", "WEBP", "GIF"]


@dataclass(frozen=True, slots=True)
class Bare:
    """`data` decodes to the first frame. `memory`: about how many bytes that takes. `exif`: as it was found, unread."""

    form: Form
    width: int
    height: int
    data: bytes
    memory: int
    exif: bytes = b""
