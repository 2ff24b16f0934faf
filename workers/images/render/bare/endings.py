"""What may follow where a picture ends."""

from __future__ import annotations

from workers.images.render.refused import SourceRefused, broken

PADDING = b"\x00\r\n "


def check_rest(data: bytes, end: int, form: str) -> None:
    """Padding is common and harmless; anything else is a second file in disguise."""
    if data[end:].strip(PADDING):
        raise ends_elsewhere(form)


def ends_elsewhere(form: str) -> SourceRefused:
    return broken(f"does not end where a {form} ends")
