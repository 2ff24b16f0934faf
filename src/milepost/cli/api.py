"""`milepost api`: the HTTP face as a process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from typing import Annotated

import typer
import uvicorn

from milepost import observe
from milepost.api.connections import Server, configured
from milepost.api.dependencies import Dependencies, Limits
from milepost.cli.face import create_face
from milepost.cli.found import DataDir, settings_of
from milepost.cli.not_yet import NotYet
from milepost.cli.outbound import callback_rules
from milepost.cli.process import open_tested, ready, run_process
from milepost.cli.signals import STOPS
from milepost.cli.stack.listening import address_of, listen
from milepost.cli.starting import patiently
from milepost.settings import Settings
from milepost.storage import Spool
from milepost.tenancy.models import active_models
from milepost.tenancy.prices import OFFLINE_MODEL
from milepost.wiring import Runtime

# streams and long polls end when we say so; a request that runs has this long
GRACE_SECONDS = 5


def register(app: typer.Typer) -> None:
    app.command()(api)


def api(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one. [default: 8000]")] = None,
    handed: Annotated[int | None, typer.Option("--socket", hidden=True)] = None,
    data_dir: DataDir = None,
) -> None:
    """Serve the HTTP API and the dashboard."""
    settings = settings_of(data_dir, host=host, port=port)
    bound = socket.socket(fileno=handed) if handed is not None else listen(settings.host, settings.port, explicit=True)
    with bound:
        run_process(settings, _serve(settings, bound))


async def _serve(settings: Settings, bound: socket.socket) -> None:
    not_yet = NotYet(bound)
    async with AsyncExitStack() as stack:
        runtime = await patiently(partial(open_tested, settings, "api"), stack, meanwhile=not_yet.tell)
        await not_yet.over()
        if runtime is None:
            return
        deps = dependencies(runtime)
        observe.watch_levels(
            "milepost_pictures", "Uploads of pictures in hand of this process.", lambda: deps.pictures.counts
        )
        config = configured(
            create_face(deps),
            timeout_graceful_shutdown=GRACE_SECONDS,
            trusted_proxies=settings.trusted_proxies or "",
        )
        await _Server(config, address_of(bound)).serve(sockets=[bound])


class _Server(Server):
    """Says when it answers, and ends by returning: the base class would end the process by the signal that it got."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        ready()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        for number in STOPS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield
        for number in STOPS:
            loop.remove_signal_handler(number)


def dependencies(runtime: Runtime) -> Dependencies:
    settings = runtime.settings
    pepper = settings.api_key_pepper
    return Dependencies(
        databases=runtime.tenants.database,
        ringer=runtime.doorbell,
        kinds=runtime.kinds,
        ids=runtime.ids,
        secret=runtime.secret,
        presence=runtime.doorbell.workers,
        active_models=active_models,
        pepper=pepper.get_secret_value().encode() if pepper else None,
        store=runtime.store,
        spool=Spool(settings.uploads or settings.data_dir / "uploads"),
        mode=settings.mode,
        default_model=default_model(settings),
        callback_rules=callback_rules(settings),
        tenant_active=runtime.directory.is_active,
        limits=Limits(
            requests_per_second=settings.key_requests_per_second, refusals_per_minute=settings.refusals_per_minute
        ),
    )


def default_model(settings: Settings) -> str | None:
    """None leaves it to the table's default. Development without a provider answers with the model that asks nobody."""
    if settings.default_model is not None or settings.mode == "production":
        return settings.default_model
    keys = (settings.anthropic_api_key, settings.openai_api_key, settings.google_api_key)
    return None if any(keys) else OFFLINE_MODEL
