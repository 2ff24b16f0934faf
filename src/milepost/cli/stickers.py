"""Which sticker a person means: by its own id or by that of the job that drew it, whole or short."""

from __future__ import annotations

from typing import Any

from milepost.cli import exits
from milepost.cli.named import CANDIDATES, described, one_of
from milepost.client import ApiError, Client, Job, Unsendable
from milepost.domain.errors import JobNotFound
from milepost.domain.ids import read_short

NOT_FOUND = 404


async def picture_of(client: Client, text: str) -> str:
    """The picture's address. Raises JobNotFound, and Exit where there is no picture, or more than one it may be."""
    whole = await _whole(client, text, digits) if (digits := read_short(text)) else text
    try:
        return _drawn(await client.get(whole, "images"))
    except ApiError as error:
        if error.status != NOT_FOUND:
            raise
    try:
        return str((await client.images.get(whole))["image_url"])
    except Unsendable:
        raise _unknown(text) from None
    except ApiError as error:
        raise (_unknown(text) if error.status == NOT_FOUND else error) from None


def _unknown(text: str) -> JobNotFound:
    return JobNotFound(f"There is no sticker {text}, and no job of one.", hint="'milepost images list' shows them.")


def _drawn(job: Job) -> str:
    result: dict[str, Any] | None = job.columns.get("result")
    if result is None:
        hint = f"milepost jobs why {job.id}"
        raise exits.Exit(exits.REFUSED, f"The job is {job.status}: it has no picture.", hint=hint)
    return result["image_url"]


async def _whole(client: Client, text: str, digits: str) -> str:
    """Of a sticker, or of a job that has none of those."""
    images = await client.images.history(short_id=digits)
    jobs = (await client.list("images", short_id=digits, page_size=CANDIDATES)).items
    drawn = {image["task_id"] for image in images}
    told = {image["id"]: f"sticker  {image['created_at'][:19]}  {image['title']}" for image in images}
    told |= {str(job.id): described(job) for job in jobs if str(job.id) not in drawn}
    if not told:
        raise _unknown(text)
    return one_of(digits, told)
