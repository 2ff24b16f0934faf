"""One open provider per id and address, shared by all attempts of a worker."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from workers.executions.providers.errors import not_configured
from workers.executions.providers.port import Provider
from workers.executions.providers.registry import OFFLINE, build_provider

KEEP = 5.0


class ProviderPool:
    """`known` reads the operator's provider rows (`base_url`, `is_active`); they are kept for a few seconds."""

    def __init__(
        self, known: Callable[[], Awaitable[Mapping[str, Any]]], api_keys: Mapping[str, str], *, offline: bool
    ) -> None:
        self._known = known
        self._api_keys = api_keys
        self._offline = offline
        self._rows: Mapping[str, Any] = {}
        self._until = 0.0
        self._open: dict[tuple[str, str | None], Provider] = {}

    async def find(self, provider_id: str) -> Provider:
        """Raises ProviderError PROVIDER_NOT_CONFIGURED: unknown, inactive, without credential, or offline in production."""
        if time.monotonic() > self._until:
            self._rows, self._until = await self._known(), time.monotonic() + KEEP
        row = self._rows.get(provider_id)
        if row is None or not row.is_active or (provider_id == OFFLINE and not self._offline):
            raise not_configured(provider_id)
        key = (provider_id, row.base_url)
        if key not in self._open:
            api_key = self._api_keys.get(provider_id)
            self._open[key] = build_provider(provider_id, api_key=api_key, base_url=row.base_url)
        return self._open[key]

    async def close(self) -> None:
        for provider in self._open.values():
            await provider.close()
