"""One constructor for each way a call can fail: its code, whether to try again, and what to do next.

PROVIDER_UNAVAILABLE     retried      connection, 5xx, overload, an answer that broke off
PROVIDER_BAD_ANSWER      retried      an answer that cannot be read
PROVIDER_RATE_LIMITED    retried      429
PROVIDER_AUTH            not retried  401, 403
PROVIDER_REJECTED        not retried  any other 4xx
PROMPT_TOO_LARGE         not retried  413, or the prompt exceeds the model's window
PROVIDER_NOT_CONFIGURED  not retried  no credential in the settings
NO_MODEL                 not retried  the model is not active any more
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from workers.executions.providers.port import ProviderError

KEY_SETTINGS = {
    "claude": "MILEPOST_ANTHROPIC_API_KEY",
    "openai": "MILEPOST_OPENAI_API_KEY",
    "gemini": "MILEPOST_GOOGLE_API_KEY",
}


def not_configured(provider: str) -> ProviderError:
    setting = KEY_SETTINGS.get(provider)
    if setting is None:
        known = ", ".join([*KEY_SETTINGS, "offline"])
        message = f"There is no adapter for provider '{provider}'. Point the model at one of: {known}."
    else:
        message = f"No credential for provider '{provider}'. Set {setting} for the worker, then retry the job."
    return ProviderError("PROVIDER_NOT_CONFIGURED", message, details={"provider": provider})


def no_model(model: str) -> ProviderError:
    message = f"Model '{model}' is not active. Choose an active one, or activate it, then submit again."
    return ProviderError("NO_MODEL", message, details={"model": model})


def unavailable(
    provider: str, problem: str, *, sent: bool, details: dict[str, Any], wait: timedelta | None = None
) -> ProviderError:
    message = (
        f"Provider '{provider}' {problem}. It is tried again by itself; if this lasts, check the provider's status."
    )
    return ProviderError("PROVIDER_UNAVAILABLE", message, retry=True, wait=wait, sent=sent, details=details)


def bad_answer(provider: str, *, details: dict[str, Any]) -> ProviderError:
    message = (
        f"Provider '{provider}' sent an answer that cannot be read. It is tried again by itself; "
        "if this lasts, check that the provider's base URL leads to its API."
    )
    return ProviderError("PROVIDER_BAD_ANSWER", message, retry=True, sent=True, details=details)


def rate_limited(provider: str, *, wait: timedelta | None, sent: bool, details: dict[str, Any]) -> ProviderError:
    pause = f"asked for a pause of {wait.total_seconds():g} s" if wait is not None else "named no pause"
    message = (
        f"Provider '{provider}' limits the rate and {pause}. It is tried again by itself; "
        "if this lasts, lower the worker's concurrency or raise the account's limit."
    )
    return ProviderError("PROVIDER_RATE_LIMITED", message, retry=True, wait=wait, sent=sent, details=details)


def unauthorized(provider: str, *, details: dict[str, Any]) -> ProviderError:
    setting = KEY_SETTINGS.get(provider, "the credential")
    message = f"Provider '{provider}' refused the credential. Check {setting} and its rights, then retry the job."
    return ProviderError("PROVIDER_AUTH", message, details=details)


def rejected(provider: str, *, details: dict[str, Any]) -> ProviderError:
    message = (
        f"Provider '{provider}' rejected the request. Its answer in error_details says why: "
        "mend the model, max_tokens or prompt and submit again."
    )
    return ProviderError("PROVIDER_REJECTED", message, details=details)


def too_large(provider: str, *, details: dict[str, Any]) -> ProviderError:
    message = (
        f"The prompt is too large for this model of provider '{provider}'. "
        "Shorten it or choose a model with a larger window, then submit again."
    )
    return ProviderError("PROMPT_TOO_LARGE", message, details=details)
