"""The API with a failpoint: it is killed after a submit's commit, at the moment in which it would ring the bell."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace

import uvicorn

from milepost.api.app import create_app
from milepost.cli.api import dependencies
from milepost.cli.process import ready
from milepost.domain.bell import Bell
from milepost.settings import Settings, load
from milepost.wiring import open_runtime


class Failpoint:
    """At the ringer's port."""

    def ring_soon(self, bells: Sequence[Bell]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    async def ring(self, bells: Sequence[Bell]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


async def serve(settings: Settings, bound: socket.socket) -> None:
    async with open_runtime(settings, "api") as runtime:
        app = create_app(replace(dependencies(runtime), ringer=Failpoint()))
        ready()
        await uvicorn.Server(uvicorn.Config(app, log_config=None)).serve(sockets=[bound])


asyncio.run(serve(load(), socket.socket(fileno=int(sys.argv[1]))))
