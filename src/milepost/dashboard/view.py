"""What a page and its stream share: the parts, and which news of the feed may change them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from milepost.dashboard.pages import Parts
from milepost.engine.feed import Event, Moved
from milepost.engine.kind import Kind
from milepost.engine.sessions import Viewer


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """`jobs` None: all of `kinds`. `tick`: seconds after which to look again without news, for what ages by itself."""

    parts: Callable[[], Awaitable[Parts]]
    kinds: Iterable[Kind]
    viewer: Viewer
    jobs: frozenset[UUID] | None = None
    tick: float = 60.0

    @property
    def names(self) -> frozenset[str]:
        return frozenset(kind.name for kind in self.kinds)

    def concerned(self, event: Event) -> bool:
        """Whether the viewer could see that something happened."""
        if isinstance(event, Moved):
            return self.viewer.owner in {None, event.step.user_id}
        # of one job everything is shown; of many only what moves in a list
        return (event.shown or self.jobs is not None) and self.viewer.owner in {None, event.sign.user_id}
