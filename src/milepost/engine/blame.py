"""What a person is told of an exception: its type and the line it comes from, never its text, and never by raising."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import FrameType, TracebackType
from typing import Any

from milepost.domain.errors import MilepostError
from milepost.domain.text import storable

# of a group of exceptions; and of a chain of causes, or of groups in groups
MOST_NAMED, DEEPEST = 3, 100


def told(error: BaseException, handler: object) -> str:
    """Like `ValueError at handler.py:12`; of our own errors, which hold no secret, also what they say."""
    try:
        where = f"{_name(error)} at {place(_leaf(error), handler)}"
        said = f": {error}" if isinstance(error, MilepostError) else ""
        return storable(where + said, 1000)
    except BaseException:  # noqa: BLE001 - a class may raise whatever it likes when it is asked for its name
        return "an exception that cannot be shown"


def place(error: BaseException, handler: object) -> str:
    """File and line of the innermost frame of the handler's own package; of the innermost at all where there is none."""
    ours = _package(getattr(handler, "__module__", None))
    frames = [*_frames(error.__traceback__)]
    for one in (error, *_causes(error)):  # what a library raised instead may hide where it began
        own = [frame for frame in _frames(one.__traceback__) if _package(frame[0].f_globals.get("__name__")) == ours]
        if own:
            return _written(*own[-1])
    return _written(*frames[-1]) if frames else "an unknown place"


def _package(module: object) -> str:
    return str(module).partition(".")[0]


def _causes(error: BaseException) -> Iterator[BaseException]:
    for _ in range(DEEPEST):
        cause = error.__cause__ or error.__context__
        if cause is None:
            return
        yield cause
        error = cause


def _frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def _written(frame: FrameType, line: int) -> str:
    return f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{line}"


def _name(error: BaseException) -> str:
    name, inner = type(error).__name__[:200], _grouped(error)
    if not inner:
        return name
    named = ", ".join(type(one).__name__[:200] for one in inner[:MOST_NAMED])
    return f"{name} ({named}{', …' if len(inner) > MOST_NAMED else ''})"


def _leaf(error: BaseException) -> BaseException:
    """Of a group the first of its exceptions: where the group itself was raised says nothing."""
    for _ in range(DEEPEST):
        if not (inner := _grouped(error)):
            break
        error = inner[0]
    return error


def _grouped(error: Any) -> Sequence[BaseException]:
    return getattr(error, "exceptions", ()) if issubclass(type(error), BaseExceptionGroup) else ()
