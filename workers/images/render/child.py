"""A render process: reads orders from its standard input, answers with progress and pictures over a pipe of its own."""

from __future__ import annotations

import sys
from typing import Any, BinaryIO

from milepost.net.child_process import open_answers
from workers.images.render import VERSION, StickerSpec, limits, render, wire
from workers.images.render.source import SourceRefused


def main(owner: int, memory_mb: int, descriptor: str) -> None:
    """Until the input ends."""
    limits.confine(owner, memory_mb)
    orders, answers = sys.stdin.buffer, open_answers(descriptor)
    _say(answers, wire.packed({"ready": VERSION}))
    while (message := wire.take(orders)) is not None:
        _say(answers, _answer(message[0], message[1], answers))


def _say(answers: BinaryIO, message: bytes) -> None:
    answers.write(message)
    answers.flush()


def _answer(head: dict[str, Any], body: bytes, answers: BinaryIO) -> bytes:
    def report(progress: int, stage: str) -> None:
        _say(answers, wire.packed({"progress": progress, "stage": stage}))

    limits.allow_cpu(head["cpu_seconds"])
    try:
        return wire.finished(render(StickerSpec(**head["spec"]), body if head["has_source"] else None, report))
    except SourceRefused as refused:
        return wire.packed({"refused": refused.code, "message": refused.message})
    except MemoryError:
        return wire.packed({"failed": "The drawing needs more memory than a render process may have."})
    except Exception as error:  # noqa: BLE001 - the process lives on for the next order
        return wire.packed({"failed": f"The drawing failed: {type(error).__name__}."})


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
