"""What a model refused, as one problem: the slug of the first fault, a pointer and a sentence for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from milepost.api.problems import Problem

MOST_ERRORS = 50
SLUG_OF_TYPE: Mapping[str, str] = {
    "extra_forbidden": "unknown-field",
    "string_too_long": "too-long",
    "too_long": "too-long",
    "less_than": "out-of-range",
    "less_than_equal": "out-of-range",
    "greater_than": "out-of-range",
    "greater_than_equal": "out-of-range",
    "int_from_float": "out-of-range",
    "int_parsing_size": "out-of-range",
    "finite_number": "out-of-range",
    "uuid_type": "invalid-id",
    "uuid_parsing": "invalid-id",
    "uuid_version": "invalid-id",
    "string_unicode": "invalid-text",
}
# the types of our own validators are slugs with another hyphen
OWN_TYPES = frozenset({"invalid_text", "invalid_datetime", "out_of_range", "too_many_items", "invalid_name",
                       "invalid_id", "invalid_filter", "url_not_allowed"})  # fmt: skip
SENTENCES: Mapping[str, str] = {
    "extra_forbidden": "there is no such field, it is the server's own, or it is there by its other name too",
    "missing": "is required",
    "json_invalid": "is not valid JSON",
}
# how pydantic counts a text that a validator of ours has seen
ITEMS = re.compile(r"\bitem(s?) after validation\b")


def invalid(error: ValidationError, *, prefix: str = "") -> Problem:
    """`prefix` stands before every pointer: `?` for query parameters."""
    return refusal(error.errors(include_url=False, include_context=False), prefix)


def refusal(found: Sequence[Any], prefix: str = "") -> Problem:
    """As `invalid`, from the faults themselves."""
    slug = _slug(found[0])
    errors = [{"pointer": _pointer(item["loc"], prefix), "detail": _sentence(item)} for item in found[:MOST_ERRORS]]
    where = errors[0]["pointer"] or "the body"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return Problem(slug, f"{where}: {errors[0]['detail']}{more}.", errors=errors)


def fault(slug: str, pointer: str, detail: str) -> Problem:
    """One fault found outside a model, in the same form."""
    return Problem(slug, f"{pointer}: {detail}.", errors=[{"pointer": pointer, "detail": detail}])


def _slug(item: Any) -> str:
    kind = item["type"]
    if kind in OWN_TYPES:
        return kind.replace("_", "-")
    if kind == "too_long" and isinstance(item["input"], list):
        return "too-many-items"
    if kind == "int_type" and isinstance(item["input"], float):
        return "out-of-range"
    if kind.startswith(("datetime", "date_", "timezone")):
        return "invalid-datetime"
    return SLUG_OF_TYPE.get(kind, "validation-failed")


def _pointer(loc: tuple[int | str, ...], prefix: str) -> str:
    if prefix:
        return prefix + ".".join(str(part) for part in loc)
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')[:100]}" for part in loc)


def _sentence(item: Any) -> str:
    sentence = SENTENCES.get(item["type"], item["msg"])
    if isinstance(item["input"], str):
        sentence = ITEMS.sub(r"character\1", sentence)
    return sentence.removeprefix("Value error, ").removesuffix(".")
