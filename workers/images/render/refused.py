"""Why a source image is not drawn from."""

from __future__ import annotations

SOURCE_INVALID = "SOURCE_INVALID"
SOURCE_TOO_LARGE = "SOURCE_TOO_LARGE"


class SourceRefused(Exception):
    """A source image that is not drawn; `code` is what its task ends with."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def broken(what: str) -> SourceRefused:
    """For what is no picture, or none any more. `what` follows "The source image"."""
    return SourceRefused(SOURCE_INVALID, f"The source image {what}.")


def too_large(what: str) -> SourceRefused:
    """For a picture that costs more than one may: bytes, pixels, memory, time."""
    return SourceRefused(SOURCE_TOO_LARGE, f"The source image {what}.")
