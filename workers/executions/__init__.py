"""Executions: the handler, and the outside services it asks for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from milepost.domain.errors import ConfigurationError
from milepost.wiring import Runtime
from workers.executions.handler import run
from workers.executions.models import Models
from workers.executions.providers.pool import ProviderPool

__all__ = ["open_ports", "run"]


@asynccontextmanager
async def open_ports(runtime: Runtime) -> AsyncGenerator[Mapping[str, Any]]:
    """Providers are opened when a job first needs one, and closed with the worker.

    Raises ConfigurationError in production where no provider has a key.
    """
    keys, offline = api_keys(runtime), runtime.settings.mode == "development"
    if not keys and not offline:
        raise ConfigurationError(
            "No provider of language models is configured.",
            hint="Set MILEPOST_ANTHROPIC_API_KEY, MILEPOST_OPENAI_API_KEY or MILEPOST_GOOGLE_API_KEY.",
        )
    pool = ProviderPool(runtime.directory.providers, keys, offline=offline)
    try:
        yield {"models": Models(), "providers": pool}
    finally:
        await pool.close()


def api_keys(runtime: Runtime) -> Mapping[str, str]:
    """Provider id to credential, of those that the settings name."""
    settings = runtime.settings
    given = {
        "claude": settings.anthropic_api_key,
        "openai": settings.openai_api_key,
        "gemini": settings.google_api_key,
    }
    return {provider: key.get_secret_value() for provider, key in given.items() if key is not None}
