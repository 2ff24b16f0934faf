"""The time left beside a bar, as it is at each moment."""

from __future__ import annotations

from milepost.cli.terminal import ProgressColumn, Task, Text
from milepost.domain.estimate import spoken


class LeftColumn(ProgressColumn):
    """A task's field `left` says what may be told now; a task without it has no estimate."""

    def render(self, task: Task) -> Text:
        left = task.fields.get("left")
        return Text(spoken(left()) if left is not None else "")
