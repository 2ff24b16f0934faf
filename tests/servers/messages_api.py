"""A local model server that speaks the streaming APIs of three providers, misbehaves on request and keeps a journal.

In a test: `async with ModelServer() as server: ...`. Alone: `python -m tests.servers.messages_api --port 0`; it prints
its address, and GET /journal tells what it saw. The faults are described in `tests/servers/faults.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from tests.servers.faults import NONE, Fault, fault_in
from tests.servers.http import HttpServer, Reply, Request
from tests.servers.wire import Asked, Counted, Wire, wire_for

# what a prompt ends with where its answer must be told from all others: the answer begins with that word
_ECHO = re.compile(r"\becho=(\S+)$")
_SSE = {"content-type": "text/event-stream", "request-id": "req_stream"}


@dataclass(slots=True)
class Entry:
    """One request as the server saw it."""

    provider: str
    asked: Asked
    fault: str
    whole: bool = False
    closed_by_client: bool = False
    pieces_sent: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def as_json(self) -> dict[str, object]:
        flat = {name: getattr(self, name) for name in ("provider", "fault", "whole", "closed_by_client", "pieces_sent")}
        return {**flat, **asdict(self.asked), "ended": self.ended.is_set()}


class ModelServer(HttpServer):
    """`script` holds faults for the next requests, before any marker counts; `api_key`, if set, is the only one taken."""

    def __init__(self, port: int = 0, *, api_key: str | None = None) -> None:
        super().__init__(self._handle, port)
        self.api_key = api_key
        self.journal: list[Entry] = []
        self.script: deque[Fault] = deque()
        self._seen: Counter[str] = Counter()
        self.arrived = asyncio.Condition()

    def base_url(self, provider: str) -> str:
        """What a client of this provider takes as its base URL."""
        return f"{self.url}/v1" if provider == "openai" else self.url

    async def request(self, number: int, *, within: float = 10) -> Entry:
        """The journal's entry of this number, counted from 0, as soon as it is there."""
        async with asyncio.timeout(within), self.arrived:
            await self.arrived.wait_for(lambda: len(self.journal) > number)
        return self.journal[number]

    async def _handle(self, request: Request, reply: Reply) -> None:
        if request.path == "/journal":
            body = json.dumps([entry.as_json() for entry in self.journal]).encode()
            await reply.send(200, {"content-type": "application/json"}, body)
        elif known := wire_for(request):
            await self._reply(request, reply, *known)
        else:
            await reply.send(404, {}, b'{"error": {"message": "no such path"}}')

    async def _reply(self, request: Request, reply: Reply, provider: str, wire: Wire) -> None:
        asked = wire.asked(request)
        entry = Entry(provider, asked, (fault := self._fault(asked)).name)
        async with self.arrived:
            self.journal.append(entry)
            self.arrived.notify_all()
        await self._answer_watched(_Answer(wire, entry, fault, reply, self.api_key))

    def _fault(self, asked: Asked) -> Fault:
        fault = self.script.popleft() if self.script else fault_in(asked.prompt)
        self._seen[asked.prompt] += 1
        return NONE if self._seen[asked.prompt] > fault.number("times", float("inf")) else fault

    async def _answer_watched(self, answer: _Answer) -> None:
        answering = asyncio.ensure_future(answer.give())
        watching = asyncio.ensure_future(answer.reply.wait_for_close())
        try:
            await asyncio.wait([answering, watching], return_when=asyncio.FIRST_COMPLETED)
            answer.entry.closed_by_client = not answering.done() or isinstance(answering.exception(), ConnectionError)
        finally:
            answering.cancel()
            watching.cancel()
            await asyncio.gather(answering, watching, return_exceptions=True)
            answer.entry.ended.set()


@dataclass(frozen=True, slots=True)
class _Answer:
    wire: Wire
    entry: Entry
    fault: Fault
    reply: Reply
    api_key: str | None

    async def give(self) -> None:
        asked = self.entry.asked
        match self.fault.name:
            case _ if self.api_key not in {None, asked.credential}:
                await self._refuse(401, "invalid key")
            case "status":
                await self._refuse(int(self.fault.number("code", 500)), "refused on request")
            case "too_long":
                await self._refuse(400, self.wire.too_long)
            case "echo_key":
                await self._refuse(401, f"the key {asked.credential} is not valid")
            case "silent":
                await asyncio.Event().wait()
            case "html":
                await self.reply.send(200, {"content-type": "text/html"}, b"<html><h1>Welcome</h1></html>")
            case _:
                await self._stream(asked)

    async def _refuse(self, status: int, message: str) -> None:
        headers = {"content-type": "application/json", "request-id": "req_refused", "x-request-id": "req_refused"}
        if pause := self.fault.options.get("retry-after"):
            headers["retry-after"] = pause
        await self.reply.send(status, headers, self.wire.refusal(status, message))

    async def _stream(self, asked: Asked) -> None:
        pieces = list(_pieces(self.fault, asked.prompt))
        counted = Counted(_tokens(asked.prompt), _tokens("".join(pieces)))
        await self.reply.start(200, _SSE)
        for event in self.wire.opening(asked, counted):
            await self.reply.chunk(event)
        for number, piece in enumerate(pieces):
            if await self._misbehave(number):
                return
            await self.reply.chunk(self.wire.piece(asked, piece))
            self.entry.pieces_sent += 1
        if await self._misbehave(len(pieces)):
            return
        for event in self.wire.closing(asked, counted):
            await self.reply.chunk(event)
        await self.reply.end()
        self.entry.whole = True

    async def _misbehave(self, number: int) -> bool:
        if self.fault.name == "drip":
            await asyncio.sleep(self.fault.number("seconds", 0.02))
        if number != self.fault.after:
            return False
        match self.fault.name:
            case "cut":
                self.reply.cut()
            case "end_early":
                await self.reply.end()
            case "error_event":
                await self.reply.chunk(self.wire.error_event(self.fault.options.get("type", "overloaded_error")))
                await self.reply.end()
            case "garbage":
                await self.reply.chunk(b"event: content_block_delta\ndata: {not json at all\n\n")
                await self.reply.end()
            case "stall":
                await asyncio.Event().wait()
            case _:
                return False
        return True


def answer_to(prompt: str) -> str:
    """What the server answers to it in the end, when the faults that pass have passed."""
    return "".join(_pieces(fault_in(prompt), prompt))


def _pieces(fault: Fault, prompt: str) -> Iterator[str]:
    if echo := _ECHO.search(prompt):
        yield f"{echo[1]} "
    match fault.name:
        case "huge":
            left = int(fault.number("bytes", 300_000))
            while left > 0:
                yield ("0123456789abcdef" * 1024)[: min(left, 16384)]
                left -= 16384
        case "drip":
            yield from (f"piece {number} " for number in range(int(fault.number("pieces", 50))))
        case _:
            yield from ("An ", "answer ", "to: ", prompt[:60], " - done.")


def _tokens(text: str) -> int:
    return -(-len(text.encode()) // 4)


async def _serve(port: int) -> None:
    async with ModelServer(port) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args().port))
