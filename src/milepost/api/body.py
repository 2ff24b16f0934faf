"""Bodies: read within a limit, taken as strict JSON, checked by the request's model."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.types import Scope

from milepost.api.pointers import Sent
from milepost.api.problems import Problem, shorten
from milepost.api.validation import invalid

Model = TypeVar("Model", bound=BaseModel)

SENT = "milepost.sent"
DEEPEST = 32
LARGEST = 2**63 - 1
DIGITS = 19


async def read_model(request: Request, model: type[Model], limit: int) -> Model:
    """The body as a valid `model`. Raises Problem."""
    raw = await read_json(request, limit)
    # kept for whoever finds a fault later, and must tell it in the sender's own spelling
    sent = request.scope[SENT] = Sent(model, raw)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise invalid(error, sent) from None


async def read_optional(request: Request, model: type[Model], limit: int) -> Model:
    """As read_model; no body at all is an empty object."""
    if not carries_body(request.scope):
        return model()
    return await read_model(request, model, limit)


async def read_json(request: Request, limit: int) -> bytes:
    """The bytes of one strict JSON value: what is returned is safe to be parsed again. Raises Problem."""
    check_media_type(request.scope)
    raw = await read_bytes(request, limit)
    check_json(raw)
    return raw


def check_media_type(scope: Scope) -> None:
    """Raises Problem for anything but application/json in UTF-8, sent as it is."""
    media_type = _header(scope, b"content-type")
    if media_type not in {b"application/json", b"application/json; charset=utf-8"} and not _is_json(media_type):
        raise Problem("unsupported-media-type")


def _is_json(media_type: bytes) -> bool:
    kind, *parameters = (part.strip() for part in media_type.lower().split(b";"))
    return kind == b"application/json" and all(p in {b"charset=utf-8", b'charset="utf-8"'} for p in parameters)


def _header(scope: Scope, name: bytes) -> bytes:
    for key, value in scope["headers"]:
        if key == name:
            return value
    return b""


def carries_body(scope: Scope) -> bool:
    """Whether the headers announce a body of at least one byte."""
    length = _header(scope, b"content-length")
    return length not in {b"", b"0"} or _header(scope, b"transfer-encoding") != b""


async def read_bytes(request: Request, limit: int) -> bytes:
    """Never buffers more than `limit` and one chunk. Raises Problem."""
    check_length(request.scope, limit)
    parts: list[bytes] = []
    size = 0
    # not request.stream(): a generator costs more than most bodies
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise _broken_off()
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        if not parts and not message.get("more_body", False):
            return part
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def body_chunks(request: Request, limit: int) -> AsyncGenerator[bytes]:
    """The same, of which nothing is kept."""
    check_length(request.scope, limit)
    more, size = True, 0
    while more:
        message = await request.receive()
        if message["type"] != "http.request":
            raise _broken_off()
        more, part = message.get("more_body", False), message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        yield part


def check_length(scope: Scope, limit: int) -> None:
    """Raises Problem for a body that is announced as too large."""
    announced = _header(scope, b"content-length")
    if announced.isdigit() and int(announced[:20]) > limit:
        raise _too_large(limit)


def _broken_off() -> Problem:
    return Problem("bad-request", "The body did not arrive in full.")


def _too_large(limit: int) -> Problem:
    # the rest of the body is not read, so the connection cannot be used again
    return Problem("payload-too-large", f"The body may have at most {limit} bytes.", headers={"Connection": "close"})


def check_json(raw: bytes) -> None:
    """Raises Problem unless `raw` is one JSON value that every parser reads alike and PostgreSQL can hold."""
    try:
        text = raw.decode()
        value = _decoded(text)
    except UnicodeDecodeError:
        raise Problem("invalid-json", "The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise Problem("invalid-json", f"{error.msg} at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise Problem("json-too-deep") from None
    if text.count("{") + text.count("[") > DEEPEST and _too_deep(value):
        raise Problem("json-too-deep")
    if "\\u" in text:
        _check_escapes(value)


def _decoded(text: str) -> Any:
    """What is no JSON is said to be none, whatever stands in it before that: `-01` is no number out of its bounds."""
    try:
        return DECODER.decode(text)
    except Problem:
        SYNTAX.decode(text)
        raise


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    raise Problem("duplicate-key", f"The key {shorten(twice)} stands twice in one object.")


def _integer(digits: str) -> int:
    if digits == "-0" or len(digits) > DIGITS + 1 or abs(int(digits)) > LARGEST:
        raise Problem("out-of-range", f"The number {digits[:30]} is no 64-bit integer.")
    return int(digits)


def _float(digits: str) -> float:
    if math.isinf(value := float(digits)):
        raise Problem("invalid-json", f"The number {digits[:30]} is too large.")
    return value


def _constant(name: str) -> Any:
    raise Problem("invalid-json", f"{name} is no JSON.")


DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=_integer, parse_float=_float, parse_constant=_constant)
SYNTAX = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_constant)


def _too_deep(value: Any) -> bool:
    level: Sequence[Any] = [value]
    for _ in range(DEEPEST):
        level = [member for item in level for member in _members(item)]
    return any(isinstance(item, dict | list) for item in level)


def _members(item: Any) -> Iterator[Any]:
    """What a container holds; a scalar holds nothing, and a container is one level of its own."""
    if isinstance(item, dict):
        yield from item.values()
    elif isinstance(item, list):
        yield from item


def _check_escapes(value: Any) -> None:
    for text in _texts(value):
        if "\x00" in text:
            raise Problem("invalid-text", "A text holds a NUL character.")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Problem("invalid-text", "A text holds a lone surrogate.") from None


def _texts(value: Any) -> Iterator[str]:
    waiting: list[Any] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        else:
            waiting.extend(_members(item))
            if isinstance(item, dict):
                waiting.extend(cast("dict[str, Any]", item))
