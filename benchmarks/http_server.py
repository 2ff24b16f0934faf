"""The two servers of the HTTP measurement: `python -m benchmarks.http_server bare|milepost PORT DESCRIPTOR`."""

from __future__ import annotations

import os
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI

from benchmarks.stage import INSTALLATION
from milepost.api.app import create_app
from milepost.api.dependencies import Dependencies
from milepost.db.ids import new_id
from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.engine.heap import settle_heap
from milepost.kinds import all_kinds
from milepost.kinds.executions import CreateExecution
from milepost.net.child_process import open_answers
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell
from milepost.tenancy.models import active_models


def bare() -> FastAPI:
    """A route with the same request model that does nothing with it."""
    app = FastAPI()

    @app.post("/v1/executions", status_code=202)
    async def create(request: CreateExecution) -> dict[str, Any]:
        return {"max_tokens": request.max_tokens}

    return app


def milepost() -> FastAPI:
    opened: dict[str, TenantDatabase] = {}

    async def databases(tenant: str) -> TenantDatabase:
        if tenant not in opened:
            opened[tenant] = await open_database(tenant, os.environ["BENCH_DATABASE_URL"], DatabaseOptions())
        return opened[tenant]

    async def nobody() -> list[Any]:
        return []

    return create_app(
        Dependencies(
            databases=databases,
            ringer=Doorbell(connect(os.environ["BENCH_REDIS_URL"]), installation=INSTALLATION),
            kinds=all_kinds(),
            ids=new_id,
            secret=bytes(32),
            presence=nobody,
            active_models=active_models,
        )
    )


class Server(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config, descriptor: str) -> None:
        super().__init__(config)
        self._descriptor = descriptor

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        settle_heap()
        with open_answers(self._descriptor) as answers:
            answers.write(b"ready")


def main() -> None:
    name, port, descriptor = sys.argv[1:]
    app = {"bare": bare, "milepost": milepost}[name]()
    config = uvicorn.Config(app, host="127.0.0.1", port=int(port), access_log=False, log_level="warning")
    Server(config, descriptor).run()


if __name__ == "__main__":
    main()
