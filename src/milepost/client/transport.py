"""One HTTP call that is repeated while that is safe and may help."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from json import loads
from typing import Any, Literal, cast

import httpx2

from milepost.client.bodies import encode
from milepost.client.errors import ApiError, NoSuchKind, Unreachable, Unsendable

# the server says that it did nothing, and may do it soon
COME_BACK = frozenset({429, 503})
# what our own side refuses to write; their words quote headers, and the key is one of them
NEVER_SENT = (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol, httpx2.InvalidURL, UnicodeError)
Repeat = Literal["always", "unless_sent"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on trying, and how long between tries. Seconds."""

    whole: float = 30.0
    pause: float = 0.1
    longest_pause: float = 5.0


class Transport:
    """Calls one API with one key."""

    def __init__(self, http: httpx2.AsyncClient, patience: Patience) -> None:
        self.http = http
        self._patience = patience

    async def call(
        self,
        method: str,
        path: str,
        *,
        repeat: Repeat = "always",
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        **request: Any,
    ) -> httpx2.Response:
        """An answer below 400. Raises ApiError, Unsendable, or Unreachable when patience is over.

        `repeat`: "unless_sent" is for what must not be done twice.
        """
        ends = time.monotonic() + self._patience.whole
        if timeout is not None:
            request["timeout"] = timeout
        request |= _written(headers, json)
        tries = 0
        while True:
            tries += 1
            try:
                answer = await self.http.request(method, path, **request)
            except NEVER_SENT:
                raise unsendable() from None
            except httpx2.TransportError as error:
                never_sent = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
                if repeat == "unless_sent" and not never_sent:
                    raise self._unreachable(error) from error
                wait, failure = self._pause(tries), self._unreachable(error)
            else:
                if answer.status_code < httpx2.codes.BAD_REQUEST:
                    return answer
                failure = problem(answer)
                if answer.status_code not in COME_BACK:
                    raise failure
                wait = named_wait(answer) or self._pause(tries)
            if time.monotonic() + wait > ends:
                raise failure
            await asyncio.sleep(wait)

    def _pause(self, tries: int) -> float:
        patience = self._patience
        return random.random() * min(patience.longest_pause, patience.pause * 2**tries)

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(url=str(self.http.base_url).rstrip("/"), reason=str(error) or type(error).__name__)


def _written(headers: Mapping[str, str] | None, json: Any) -> dict[str, Any]:
    if json is None:
        return {"headers": headers}
    return {"headers": {**(headers or {}), "Content-Type": "application/json"}, "content": encode(json)}


def unsendable() -> Unsendable:
    return Unsendable(reason="its address or a header holds characters that HTTP does not allow")


def problem(answer: httpx2.Response) -> ApiError:
    """The error behind an answer; one that is no problem document is told by its status alone."""
    try:
        document: Any = loads(answer.content)
    except ValueError:
        document = None
    told: Mapping[str, Any] = cast("Mapping[str, Any]", document) if isinstance(document, dict) else {}
    return (NoSuchKind if "kinds" in told else ApiError)(answer.status_code, told)


def named_wait(answer: httpx2.Response) -> float | None:
    """Seconds of Retry-After, spread a little so that many clients do not come back together."""
    value = answer.headers.get("retry-after", "")
    return float(value) + random.random() * 0.5 if value.isdigit() else None
