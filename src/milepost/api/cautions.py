"""What an accepted request will not get although it asked for it: told in the answer, as `warnings`."""

from __future__ import annotations

from collections.abc import Sequence

from milepost.db.submits import NewJob

NO_CALLBACKS = (
    "callback_url{whose} is kept, but nothing is sent to it yet: this version makes no callbacks."
    " Read the job with ?wait=30, or follow its events."
)


def warned(jobs: Sequence[NewJob]) -> dict[str, list[str]]:
    """The member `warnings` of an answer; nothing where there is nothing to say."""
    asked = sum(job.callback_url is not None for job in jobs)
    if not asked:
        return {}
    return {"warnings": [NO_CALLBACKS.format(whose="" if len(jobs) == 1 else f" of {asked} of {len(jobs)} jobs")]}
