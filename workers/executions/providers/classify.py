"""From what the client library raises to the one error of the port."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
from pydantic import ValidationError
from pydantic_ai import exceptions as raised

from workers.executions.providers import errors
from workers.executions.providers.masking import excerpt, mask
from workers.executions.providers.port import ProviderError

LONGEST_WAIT = timedelta(hours=24)

_REQUEST_IDS = ("request-id", "x-request-id", "x-goog-request-id", "x-amzn-requestid", "cf-ray")
_NEVER_SENT = ("pool", "connect")
# The client libraries build their objects loosely, so a malformed answer shows as whatever trips over it first.
_UNREADABLE = (
    raised.UnexpectedModelBehavior,
    ValidationError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    RecursionError,
    httpx2.DecodingError,
)


def classify(error: Exception, *, provider: str, secret: str) -> ProviderError | None:  # noqa: PLR0911 - a table
    """The port's error, or None if `error` says nothing about the provider."""
    details = _details(error, provider, secret)
    match error:
        case raised.ModelHTTPError():
            return _refused(error, provider, details)
        case raised.ModelContextWindowExceededError():
            return errors.too_large(provider, details=details)
        case raised.ModelRateLimitError():
            return errors.rate_limited(provider, wait=named_wait(error.retry_after), sent=True, details=details)
        case raised.ModelConnectionError():
            timed_out = isinstance(error, raised.ModelTimeoutError)
            return _not_reached(provider, error.phase, details, timed_out=timed_out)
        case raised.ModelUnavailableError() | raised.ModelServerError():
            return errors.unavailable(provider, "reported a failure in its answer", sent=True, details=details)
        case raised.ModelAPIError():
            return errors.bad_answer(provider, details=details)
        case httpx2.DecodingError():
            return errors.bad_answer(provider, details=details)
        case httpx2.TransportError() | httpx2.StreamError():
            timed_out = isinstance(error, httpx2.TimeoutException)
            return _not_reached(provider, _phase(error), details, timed_out=timed_out)
        case _ if isinstance(error, _UNREADABLE):
            return errors.bad_answer(provider, details=details)
        case _:
            return None


def named_wait(seconds: float | None) -> timedelta | None:
    """The pause a provider named, in seconds or as a date that the library turned into seconds; at most a day."""
    if seconds is None or not seconds >= 0:
        return None
    return timedelta(seconds=min(seconds, LONGEST_WAIT.total_seconds()))


def broke_off(*, provider: str) -> ProviderError:
    """The stream ended without the provider's word that the answer was whole."""
    return errors.unavailable(provider, "broke off its answer", sent=True, details={"provider": provider})


def _refused(  # noqa: PLR0911 - a table
    error: raised.ModelHTTPError, provider: str, details: dict[str, Any]
) -> ProviderError:
    status, wait, sent = error.status_code, named_wait(error.retry_after), error.in_stream
    match status:
        case 429:
            return errors.rate_limited(provider, wait=wait, sent=sent, details=details)
        case 401 | 403:
            return errors.unauthorized(provider, details=details)
        case 413:
            return errors.too_large(provider, details=details)
        case _ if isinstance(error, raised.ModelContextWindowExceededError):
            return errors.too_large(provider, details=details)
        case _ if status >= 500:
            return errors.unavailable(provider, f"answered {status}", sent=sent, wait=wait, details=details)
        case _ if isinstance(error, raised.ModelAuthenticationError):
            return errors.unauthorized(provider, details=details)
        case _ if status >= 400:
            return errors.rejected(provider, details=details)
        case _:
            return errors.bad_answer(provider, details=details)


def _not_reached(provider: str, phase: str | None, details: dict[str, Any], *, timed_out: bool) -> ProviderError:
    sent = phase not in _NEVER_SENT
    if timed_out:
        problem = "did not answer in time" if sent else "could not be reached in time"
    else:
        problem = "broke the connection" if sent else "could not be reached"
    return errors.unavailable(provider, problem, sent=sent, details=details)


def _phase(error: Exception) -> str | None:
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        return "connect"
    return "pool" if isinstance(error, httpx2.PoolTimeout) else "read"


def _details(error: Exception, provider: str, secret: str) -> dict[str, Any]:
    details: dict[str, Any] = {"provider": provider, "error": type(error).__name__}
    if isinstance(error, raised.ModelHTTPError):
        headers = error.headers or {}
        details["http_status"] = error.status_code
        details["request_id"] = next(
            (mask(headers[name][:200], secret) for name in _REQUEST_IDS if name in headers), None
        )
    if isinstance(error, raised.ModelAPIError):
        details["answer"] = excerpt(error.body if error.body is not None else error.message, secret)
    return {name: value for name, value in details.items() if value is not None}
