"""Exit codes, and which error means which."""

from __future__ import annotations

from collections.abc import Sequence

from milepost.client.errors import ApiError, Unsendable
from milepost.domain import errors

OK, FAILED, USAGE, NOT_FOUND, REFUSED, UNAVAILABLE = range(6)
INTERRUPTED = 130

EXPLAINED = (
    "Exit codes: 0 ok · 1 failed · 2 usage or settings · 3 not found · 4 refused or conflict · 5 unavailable ·"
    " 130 interrupted."
)

_OWN: tuple[tuple[type[Exception], int], ...] = (
    (errors.JobNotFound, NOT_FOUND),
    (errors.Unavailable, UNAVAILABLE),
    (errors.ConfigurationError, USAGE),
    (errors.UnknownKind, USAGE),
    (Unsendable, USAGE),
    (errors.StaleVersion, REFUSED),
    (errors.IllegalTransition, REFUSED),
    (errors.VersionMismatch, REFUSED),
    (errors.IdempotencyKeyReused, REFUSED),
)
_HTTP = {400: USAGE, 404: NOT_FOUND, 413: USAGE, 415: USAGE, 422: USAGE, 429: UNAVAILABLE, 503: UNAVAILABLE}
_REFUSALS = frozenset({"idempotency-key-reused"})


class Exit(errors.MilepostError):
    """An end that a verb decided on, with its code. `lines` stand below the hint as they are."""

    def __init__(self, code: int, message: str, *, hint: str | None = None, lines: Sequence[str] = ()) -> None:
        self.code = code
        self.lines = lines
        super().__init__(message, hint=hint)


class Interrupted(Exception):
    """Ctrl-C, of which there is something to say."""

    def __init__(self, *lines: str) -> None:
        super().__init__("interrupted")
        self.lines = lines


def code_of(error: errors.MilepostError) -> int:
    if isinstance(error, Exit):
        return error.code
    if isinstance(error, ApiError):
        if error.slug in _REFUSALS:
            return REFUSED
        fallback = REFUSED if error.status < 500 else FAILED
        return _HTTP.get(error.status, fallback)
    return next((code for kind, code in _OWN if isinstance(error, kind)), FAILED)
