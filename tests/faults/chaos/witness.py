"""I17: what the API answered, also where the client asks again by itself and its caller never hears of it."""

from __future__ import annotations

import httpx2

from tests.faults.chaos.journal import Journal
from tests.faults.invariants import Invariant

NAME = Invariant("I17", "nothing but 2xx, 4xx and 503 is answered")


class Witness(httpx2.AsyncBaseTransport):
    """Tells the journal of every answer."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._inner = httpx2.AsyncHTTPTransport(limits=httpx2.Limits(max_connections=100, max_keepalive_connections=20))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._inner.handle_async_request(request)
        if expected(answer.status_code):
            self._journal.answered(answer.status_code)
        else:
            said = (await answer.aread()).decode(errors="replace")
            self._journal.answered(answer.status_code, f"{request.method} {request.url.path}", said)
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


def expected(status: int) -> bool:
    return 200 <= status < 300 or 400 <= status < 500 or status == 503
