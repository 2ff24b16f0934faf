"""Server-sent events: read line by line, and resumed after the last id when a line is cut."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import httpx2

from milepost.client.errors import ApiError, Unreachable
from milepost.client.records import Event
from milepost.client.transport import COME_BACK, NEVER_SENT, named_wait, problem, unsendable

# the server says something every 15 seconds; twice that without a word is a dead line
SILENCE = 40.0
TRIES = 8


async def events(
    http: httpx2.AsyncClient, path: str, params: Mapping[str, Any], last_id: str | int | None
) -> AsyncIterator[Event]:
    """Every event from `last_id` on, over as many connections as it takes. Ends never by itself.

    Raises ApiError for a refusal, Unsendable, Unreachable after several tries without a single event.
    """
    tries = 0
    while True:
        wait = random.random() * min(5.0, 0.1 * 2**tries)
        try:
            async for event in _one_connection(http, path, params, last_id):
                tries, last_id = 0, event.id or last_id
                yield event
        except NEVER_SENT:
            raise unsendable() from None
        except httpx2.TransportError as error:
            reason: Exception = Unreachable(url=str(http.base_url), reason=str(error) or type(error).__name__)
        except ApiError as error:
            if error.status not in COME_BACK:
                raise
            reason = error
        else:
            reason = Unreachable(url=str(http.base_url), reason="the stream ended")
        tries += 1
        if tries > TRIES:
            raise reason
        await asyncio.sleep(wait)


async def _one_connection(
    http: httpx2.AsyncClient, path: str, params: Mapping[str, Any], last_id: str | int | None
) -> AsyncIterator[Event]:
    headers = {"Accept": "text/event-stream", **({} if last_id is None else {"Last-Event-ID": str(last_id)})}
    timeout = httpx2.Timeout(10.0, read=SILENCE)
    async with http.stream("GET", path, params=params, headers=headers, timeout=timeout) as answer:
        if answer.status_code >= httpx2.codes.BAD_REQUEST:
            await answer.aread()
            await asyncio.sleep(min(named_wait(answer) or 0.0, 30.0))
            raise problem(answer)
        async for event in parse(answer.aiter_lines()):
            yield event


async def parse(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    """Events out of lines, as the HTML standard reads them; comments are skipped."""
    name, data, last_id = "message", list[str](), None
    async for line in lines:
        if not line:
            if data:
                yield Event(name=name, data=_data("\n".join(data)), id=last_id)
            name, data, last_id = "message", [], None
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            last_id = value


def _data(text: str) -> Mapping[str, Any]:
    value: Any = json.loads(text)
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {"value": value}
