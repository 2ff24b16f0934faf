"""Every problem the API answers with (RFC 9457): the table of slugs, and how errors become problems."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from starlette.responses import Response

from milepost.api.answers import encode
from milepost.domain import errors
from milepost.domain.errors import MilepostError

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Slug:
    """`meaning` is what /problems/<slug> explains."""

    status: int
    title: str
    meaning: str


SLUGS: Mapping[str, Slug] = {
    "bad-request": Slug(400, "Bad request", "The request is not valid HTTP or lacks what it needs."),
    "invalid-json": Slug(400, "Invalid JSON", "The body is not one JSON value in UTF-8. NaN and Infinity are no JSON."),
    "duplicate-key": Slug(400, "Duplicate key", "An object in the body names a key twice; parsers disagree about it."),
    "json-too-deep": Slug(400, "JSON too deep", "The body is nested more than 32 deep."),
    "idempotency-key-required": Slug(400, "Idempotency-Key required", "This request costs money and needs the header."),
    "idempotency-key-invalid": Slug(
        400, "Invalid Idempotency-Key", "The header must be 1 to 255 printable ASCII characters, given once."
    ),
    "unauthorized": Slug(401, "Unauthorized", "Send a valid API key as 'Authorization: Bearer sk_…'."),
    "budget-exceeded": Slug(402, "Budget exceeded", "The budget does not cover the request."),
    "insufficient-credit": Slug(402, "Insufficient credit", "The wallet does not cover the request."),
    "insufficient-scope": Slug(403, "Insufficient scope", "The key is valid, but lacks the named scope."),
    "user-inactive": Slug(403, "User inactive", "The key's user is suspended."),
    "tenant-inactive": Slug(403, "Tenant inactive", "The key's tenant is not active."),
    "not-found": Slug(404, "Not found", "There is nothing here, or it is not the caller's."),
    "method-not-allowed": Slug(405, "Method not allowed", "The path exists; the header Allow names its methods."),
    "request-timeout": Slug(408, "Request timeout", "The request did not arrive in time."),
    "illegal-transition": Slug(409, "Illegal transition", "The job's present status allows no such change."),
    "concurrent-update": Slug(
        409, "Concurrent update", "Others kept changing the job meanwhile. Read it and try again."
    ),
    "idempotency-in-progress": Slug(409, "Request in progress", "The first request with this key is still running."),
    "version-conflict": Slug(
        412, "Version conflict", "The job is not at the version, or the file not the one, that If-Match names."
    ),
    "payload-too-large": Slug(413, "Payload too large", "The body is larger than the route allows."),
    "uri-too-long": Slug(414, "URI too long", "The target of the request is longer than 16 KiB."),
    "unsupported-media-type": Slug(415, "Unsupported media type", "Send the body as application/json in UTF-8."),
    "unsupported-encoding": Slug(415, "Unsupported encoding", "Send the body without a Content-Encoding."),
    "range-not-satisfiable": Slug(416, "Range not satisfiable", "The file ends before the range asked for begins."),
    "validation-failed": Slug(422, "Validation failed", "Fields are missing or have a wrong type or value."),
    "unknown-field": Slug(
        422, "Unknown field", "The request names a field that does not exist or is the server's own."
    ),
    "invalid-text": Slug(422, "Invalid text", "A text holds NUL, a lone surrogate or nothing but white space."),
    "invalid-datetime": Slug(422, "Invalid date and time", "Times are RFC 3339 with an offset: 2026-01-31T08:00:00Z."),
    "invalid-id": Slug(422, "Invalid id", "Ids are canonical UUIDs in lower case."),
    "invalid-name": Slug(422, "Invalid name", "A name holds a separator, a control character or is no name."),
    "out-of-range": Slug(422, "Out of range", "A number lies outside its bounds or is not of the kind asked for."),
    "too-long": Slug(422, "Too long", "A text is longer than its field."),
    "too-many-items": Slug(422, "Too many items", "A list or object has more members than allowed."),
    "invalid-cursor": Slug(422, "Invalid cursor", "The cursor is not one of ours, or of another list or caller."),
    "invalid-filter": Slug(422, "Invalid filter", "A filter or a sort order cannot be used like this."),
    "url-not-allowed": Slug(422, "URL not allowed", "The service does not send requests to such an address."),
    "idempotency-key-reused": Slug(422, "Idempotency-Key reused", "The key came before, with another request."),
    "unknown-model": Slug(422, "Unknown model", "There is no such active model; the detail lists those there are."),
    "checksum-mismatch": Slug(422, "Checksum mismatch", "The stored bytes are not those that were announced."),
    "rate-limited": Slug(429, "Rate limited", "Too many requests. Retry-After says when to come back."),
    "headers-too-large": Slug(431, "Headers too large", "The headers are too many or too long."),
    "internal-error": Slug(500, "Internal error", "Something went wrong here. The instance names it in our log."),
    "not-implemented": Slug(501, "Not implemented", "There is no such method here. Methods are in upper case."),
    "unavailable": Slug(503, "Unavailable", "A server behind this one does not answer. Retry-After says when to try."),
    "version-not-supported": Slug(505, "HTTP version not supported", "This server speaks HTTP/1.1 and HTTP/1.0."),
}


class Problem(MilepostError):
    """`extra` are further members of the answer, `headers` further headers. The detail is shown to the caller."""

    def __init__(
        self, slug: str, detail: str | None = None, *, headers: Mapping[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(detail or SLUGS[slug].meaning)
        self.slug = slug
        self.detail = detail or SLUGS[slug].meaning
        self.headers = dict(headers or {})
        self.extra = extra

    def response(self, request_id: str) -> Response:
        slug = SLUGS[self.slug]
        content = {
            "type": f"/problems/{self.slug}",
            "title": slug.title,
            "status": slug.status,
            "detail": self.detail,
            "instance": request_id,
            **self.extra,
        }
        return Response(encode(content), slug.status, self.headers, MEDIA_TYPE)


def shorten(text: str) -> str:
    """A piece of input fit to be shown in a problem."""
    return json.dumps(text[:60])


def not_found() -> Problem:
    """The same bytes for what does not exist and for what is not the caller's."""
    return Problem("not-found")


def _current(error: MilepostError) -> dict[str, Any]:
    job = error.data.get("job")
    return {} if job is None else {"current": {"status": job.status, "version": job.version}}


def unavailable(error: MilepostError) -> Problem:
    return Problem("unavailable", str(error), headers={"Retry-After": "2"})


def _line_full(error: errors.LineFull) -> Problem:
    return Problem("unavailable", str(error), headers={"Retry-After": "5"})


def _too_often(error: errors.TooOften) -> Problem:
    """With the fields of the IETF's draft about rate limits."""
    allowance, wait = error.data["allowance"], max(1, ceil(error.data["seconds"]))
    policy = f'"{allowance.name}";q={allowance.burst};w={ceil(allowance.burst / allowance.per_second)}'
    headers = {"RateLimit-Policy": policy, "RateLimit": f'"{allowance.name}";r=0;t={wait}', "Retry-After": str(wait)}
    return Problem("rate-limited", headers=headers)


TRANSLATIONS: Mapping[type[MilepostError], Callable[[Any], Problem]] = {
    errors.JobNotFound: lambda _: not_found(),
    errors.UnknownKind: lambda _: not_found(),
    errors.VersionMismatch: lambda error: Problem("version-conflict", str(error), **_current(error)),
    errors.IllegalTransition: lambda error: Problem("illegal-transition", str(error), **_current(error)),
    errors.StaleVersion: lambda error: Problem("concurrent-update", **_current(error)),
    errors.IdempotencyKeyReused: lambda error: Problem("idempotency-key-reused", str(error)),
    errors.EffectRefused: lambda _: Problem("validation-failed", "What belongs to the job was refused."),
    errors.RowRefused: lambda _: Problem("validation-failed", "The database refused a value of the request."),
    errors.SearchTooSlow: lambda error: Problem("invalid-filter", str(error)),
    errors.TooOften: _too_often,
    errors.LineFull: _line_full,
    errors.Unavailable: unavailable,
}


def as_problem(error: MilepostError) -> Problem | None:
    """None: not the caller's business, an internal error."""
    if isinstance(error, Problem):
        return error
    for cls in type(error).__mro__:
        if cls in TRANSLATIONS:
            return TRANSLATIONS[cls](error)
    return None
