"""What no model can check alone: the model must be active, the callback's address must be allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from milepost.api.auth import Caller
from milepost.api.dependencies import Dependencies
from milepost.api.problems import Problem
from milepost.api.validation import fault
from milepost.db.submits import NewJob
from milepost.db.tenants import TenantDatabase
from milepost.domain.errors import UrlNotAllowed
from milepost.engine.kind import Kind
from milepost.net.names import public_suffixes
from milepost.net.url_rules import check_url
from milepost.storage import NoSuchFile, Store, StoreRefused, paths

REMEMBERED_SECONDS = 5.0
MOST_NAMED = 50


class Checks:
    """Of one kind's create requests."""

    def __init__(self, deps: Dependencies, kind: Kind) -> None:
        self._models = ActiveModels(deps) if "model" in kind.request.model_fields else None
        self._default_model = deps.default_model
        self._store = deps.store if "source_image_id" in kind.request.model_fields else None
        self._rules = deps.callback_rules
        public_suffixes()  # parsed now, and not while the first request waits

    def completed(self, asked: Any) -> Any:
        """The request with the settings' defaults."""
        if self._models is None or self._default_model is None or asked.model is not None:
            return asked
        return asked.model_copy(update={"model": self._default_model})

    async def one(self, caller: Caller, new: NewJob, prefix: str = "") -> NewJob:
        """The job as it is kept, its callback's URL as it will be asked. Raises unknown-model, url-not-allowed."""
        if new.callback_url is not None:
            new = new._replace(callback_url=self._checked(new.callback_url, f"{prefix}/callback_url"))
        if self._models is not None:
            active = await self._models.of(caller.database)
            name = new.columns["model"]
            if name not in active:
                raise _unknown_model(active, f"{prefix}/model")
        if self._store is not None and new.columns["source_image_id"] is not None:
            await self._check_source(self._store, caller, new.columns["source_image_id"], prefix)
        return new

    async def many(self, caller: Caller, new: Sequence[NewJob]) -> list[NewJob]:
        return [await self.one(caller, job, f"/jobs/{index}") for index, job in enumerate(new)]

    async def _check_source(self, store: Store, caller: Caller, source_id: UUID, prefix: str) -> None:
        try:
            await store.stat(paths.image_source(caller.database.name, caller.user_id, source_id))
        except NoSuchFile:
            raise fault("validation-failed", f"{prefix}/source_image_id", "is no picture that you uploaded") from None
        except StoreRefused:
            raise Problem("unavailable", "The artifact store does not answer.", headers={"Retry-After": "5"}) from None

    def _checked(self, url: str, pointer: str) -> str:
        try:
            return check_url(url, self._rules).url
        except UrlNotAllowed as error:
            hint = f" ({error.hint})" if error.hint else ""
            raise fault("url-not-allowed", pointer, f"refused: {error.data['fault']}{hint}") from None


def _unknown_model(active: frozenset[str], pointer: str) -> Problem:
    names = sorted(active)
    listed = ", ".join(names[:MOST_NAMED]) or "none"
    return fault("unknown-model", pointer, f"there is no such active model; active are: {listed}")


class ActiveModels:
    """Which models each tenant may use, asked at most once in five seconds."""

    def __init__(self, deps: Dependencies) -> None:
        self._ask = deps.active_models
        self._found: dict[str, tuple[float, frozenset[str]]] = {}

    async def of(self, database: TenantDatabase) -> frozenset[str]:
        now = asyncio.get_running_loop().time()
        found = self._found.get(database.name)
        if found is None or found[0] <= now:
            found = self._found[database.name] = (now + REMEMBERED_SECONDS, await self._ask(database))
        return found[1]
