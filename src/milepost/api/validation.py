"""What a model refused, as one problem: the slug of the first fault, a pointer and a sentence for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from milepost.api.pointers import LONGEST_PART, Sent, model_at
from milepost.api.problems import Problem, shorten
from milepost.api.unknown import unknown_field
from milepost.domain.nearest import nearest_first

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
                       "invalid_id", "invalid_filter", "invalid_cursor", "url_not_allowed", "bad_request"})  # fmt: skip
SENTENCES: Mapping[str, str] = {
    "missing": "is required",
    "json_invalid": "is not valid JSON",
}
FORBIDDEN = "Extra inputs are not permitted"
# how pydantic counts a text that a validator of ours has seen
ITEMS = re.compile(r"\bitem(s?) after validation\b")


def invalid(error: ValidationError, sent: Sent) -> Problem:
    """What a body's model refused, in the spelling that was sent."""
    found = error.errors(include_url=False, include_context=False)
    return refusal([(sent.pointer(item["loc"]), _told(item, sent.model)) for item in found[:MOST_ERRORS]], found)


def invalid_query(error: ValidationError, model: type[BaseModel]) -> Problem:
    """The same of query parameters: `?name`, whichever of its values is wrong. What is malformed comes first."""
    found = sorted(
        error.errors(include_url=False, include_context=False), key=lambda item: item["type"] != "bad_request"
    )
    return refusal([(parameter(item["loc"]), _told(item, model)) for item in found[:MOST_ERRORS]], found)


def parameter(location: Sequence[int | str]) -> str:
    return f"?{str(location[0])[:LONGEST_PART]}" if location else "?"


def refusal(told: Sequence[tuple[str, str]], found: Sequence[Any]) -> Problem:
    """`told`: pointer and sentence of each fault; `found`: what pydantic says of them, and of more."""
    errors = [{"pointer": pointer, "detail": detail} for pointer, detail in told]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return Problem(_slug(found[0]), f"{told[0][0] or 'the body'}: {told[0][1]}{more}.", errors=errors)


def fault(slug: str, pointer: str, detail: str) -> Problem:
    """One fault found outside a model, in the same form."""
    return Problem(slug, f"{pointer}: {detail}.", errors=[{"pointer": pointer, "detail": detail}])


def none_of(pointer: str, value: str, known: Sequence[str]) -> Problem:
    """A filter's value that there is not, with those that there are, the nearest first."""
    return fault("invalid-filter", pointer, f"{shorten(value)} is none of {', '.join(nearest_first(value, known))}")


def respell(problem: Problem, sent: Sent) -> None:
    """Turns the pointers of faults that were found outside the model into the spelling that was sent."""
    for error in cast("list[dict[str, str]]", problem.extra.get("errors", [])):
        written = error["pointer"]
        if written.startswith("/"):
            error["pointer"] = sent.respelt(written)
            problem.detail = problem.detail.replace(f"{written}: ", f"{error['pointer']}: ", 1)


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


def _told(item: Any, model: type[BaseModel]) -> str:
    if item["type"] == "extra_forbidden":
        *place, name = item["loc"]
        told = unknown_field(str(name), model_at(model, place))
        return told if item["msg"] == FORBIDDEN else f"{told}; {item['msg']}"
    return sentence(item)


def sentence(item: Any) -> str:
    """What pydantic says, in words that fit the field; a wrong one of several values, or a wrong name, is told apart."""
    said = SENTENCES.get(item["type"], item["msg"]).removeprefix("Value error, ").removesuffix(".")
    place = item["loc"]
    if not isinstance(item["input"], str) or not place:
        return said
    said = ITEMS.sub(r"character\1", said)
    if place[-1] == "[key]" and item["input"] in place:
        return f"its name: {said}"
    return f"{shorten(item['input'])}: {said}" if isinstance(place[-1], int) else said
