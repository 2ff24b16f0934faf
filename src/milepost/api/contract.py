"""How a route is told in OpenAPI: its answers, their headers, and which problems it may refuse with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from milepost.api.preconditions import LIST
from milepost.api.problems import MEDIA_TYPE, SLUGS
from milepost.api.schemas import Schema, header, ref
from milepost.kinds.told import whole

Responses = dict[int | str, Any]
JSON = "application/json"
FIRST_REFUSAL = 400

# what any request may be refused with, before a route sees it or because something broke
ALWAYS = ("bad-request", "request-timeout", "uri-too-long", "unsupported-encoding", "headers-too-large",
          "version-not-supported", "internal-error")  # fmt: skip
WITH_KEY = ("unauthorized", "insufficient-scope", "user-inactive", "tenant-inactive", "rate-limited", "unavailable",
            "unknown-field")  # fmt: skip
WITH_JSON = ("invalid-json", "duplicate-key", "json-too-deep", "payload-too-large", "unsupported-media-type",
             "validation-failed", "unknown-field", "invalid-text", "invalid-datetime", "invalid-id", "invalid-name",
             "out-of-range", "too-long", "too-many-items")  # fmt: skip
WITH_QUERY = ("validation-failed", "unknown-field", "invalid-text", "invalid-datetime", "invalid-id", "out-of-range",
              "too-long", "too-many-items", "invalid-filter", "invalid-cursor")  # fmt: skip
WITH_IF_MATCH = ("bad-request", "version-conflict")

HEADERS: Mapping[str, Schema] = {
    "X-Request-Id": {"schema": {"type": "string"}, "description": "Names the request in our log."},
    "Location": {"schema": {"type": "string"}, "description": "Where it is."},
    "ETag": {"schema": {"type": "string"}, "description": "What changes whenever the answer would."},
    "Retry-After": {"schema": {"type": "string"}, "description": "Seconds to wait before the next try."},
    "Idempotency-Replayed": {
        "schema": {"type": "string", "enum": ["true"]},
        "description": "The request was made before, with the same key.",
    },
    "WWW-Authenticate": {"schema": {"type": "string"}, "description": "How to say who you are."},
    "Content-Disposition": {"schema": {"type": "string"}, "description": "The name to save it by."},
    "Content-Range": {"schema": {"type": "string"}, "description": "Which part it is."},
}
OF_STATUS: Mapping[int, tuple[str, ...]] = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}

IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    "The same key and request give the same job, however often they are sent; another request with it is refused.",
    minLength=1, maxLength=255, pattern=r"^[\x20-\x7e]+$",
)  # fmt: skip
CONDITION = whole(rf"\*|{LIST.pattern}")
IF_MATCH = header(
    "If-Match",
    'Only if the job is at one of these versions: `"3"`, or ETags of the job; `*` is any. Else 412; what is no list of'
    " ETags is 400.",
    pattern=CONDITION,
)
IF_MATCH_FILE = header(
    "If-Match",
    "Only if the file's bytes have one of these ETags; `*`: if they are there. Else 412; what is no list of ETags is 400.",
    pattern=CONDITION,
)
IF_NONE_MATCH = header("If-None-Match", "ETags that the caller has, or `*`; 304 where nothing has changed.")


def answer(
    description: str, shape: Schema | None = None, *, media_type: str = JSON, headers: Iterable[str] = ()
) -> Schema:
    """One answer that is no refusal; without a shape it has no body."""
    told: Schema = {"description": description, "headers": _headers(headers)}
    return told if shape is None else {**told, "content": {media_type: {"schema": shape}}}


def refused(*slugs: str) -> Responses:
    """Problems that a route has beside those of its kind."""
    found: Responses = {}
    for slug in slugs:
        found.setdefault(SLUGS[slug].status, {"x-problems": []})["x-problems"].append(slug)
    return found


def completed(operation: Schema, *, with_key: bool, with_id: bool) -> dict[str, Schema]:
    """All responses of an operation: those it declares, and the refusals that follow from what it takes."""
    declared = {int(status): told for status, told in operation["responses"].items()}
    slugs = [slug for told in declared.values() for slug in told.get("x-problems", ())]
    # a refusal is a problem, not FastAPI's form of one
    good = {str(status): _with_id(told) for status, told in sorted(declared.items()) if status < FIRST_REFUSAL}
    return good | _problems([*ALWAYS, *slugs, *_derived(operation, with_key=with_key, with_id=with_id)])


def _derived(operation: Schema, *, with_key: bool, with_id: bool) -> Sequence[str]:
    parameters = {(one["in"], one["name"]) for one in operation.get("parameters", ())}
    taken = operation.get("requestBody", {}).get("content", {})
    kinds = (
        (with_key, WITH_KEY),
        (with_id, ("not-found",)),
        (JSON in taken, WITH_JSON),
        (any(place == "query" for place, _ in parameters), WITH_QUERY),
        (("header", "If-Match") in parameters, WITH_IF_MATCH),
        (("header", "Idempotency-Key") in parameters, ("idempotency-key-invalid", "idempotency-key-reused")),
    )
    return [slug for holds, slugs in kinds if holds for slug in slugs]


def _problems(slugs: Iterable[str]) -> dict[str, Schema]:
    by_status: dict[int, dict[str, None]] = {}
    for slug in slugs:
        by_status.setdefault(SLUGS[slug].status, {})[slug] = None
    return {str(status): _problem(status, list(found)) for status, found in sorted(by_status.items())}


def _problem(status: int, slugs: Sequence[str]) -> Schema:
    told = " ".join(f"`{slug}`: {SLUGS[slug].meaning}" for slug in slugs)
    return {
        "description": told,
        "headers": _headers(OF_STATUS.get(status, ())),
        "content": {MEDIA_TYPE: {"schema": ref("Problem")}},
        "x-problems": list(slugs),
    }


def _with_id(told: Schema) -> Schema:
    return {**told, "headers": {**_headers(()), **told.get("headers", {})}}


def _headers(names: Iterable[str]) -> dict[str, Schema]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *names)}
