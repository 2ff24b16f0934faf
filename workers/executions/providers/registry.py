"""From a provider's id to its adapter. Building one is cheap; the client library is imported by its first call."""

from __future__ import annotations

from workers.executions.providers import makers
from workers.executions.providers.errors import not_configured
from workers.executions.providers.hosted import HostedProvider, ModelMaker, Patience
from workers.executions.providers.offline import OfflineProvider
from workers.executions.providers.port import Provider

OFFLINE = "offline"

_HOSTED: dict[str, tuple[ModelMaker, str]] = {
    "claude": (makers.claude, "https://api.anthropic.com"),
    "openai": (makers.openai, "https://api.openai.com/v1"),
    "gemini": (makers.gemini, "https://generativelanguage.googleapis.com"),
}

PROVIDER_IDS = (*_HOSTED, OFFLINE)


def build_provider(
    provider_id: str, *, api_key: str | None, base_url: str | None = None, patience: Patience | None = None
) -> Provider:
    """Raises `ProviderError` PROVIDER_NOT_CONFIGURED for an unknown id or a hosted provider without a key."""
    if provider_id == OFFLINE:
        return OfflineProvider()
    if provider_id not in _HOSTED or not api_key:
        raise not_configured(provider_id)
    make, default_url = _HOSTED[provider_id]
    return HostedProvider(
        provider_id, make, api_key=api_key, base_url=base_url or default_url, patience=patience or Patience()
    )
