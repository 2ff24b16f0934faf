"""The bytes of an audit row that a seal covers: RFC 8785 JSON of the row as the control database keeps it."""

from __future__ import annotations

import json
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, NamedTuple, cast

SCHEMA = 1
# every integer up to here is one double, and written as its digits
EXACT = 2**53
DEEPEST = 100


class Entry(NamedTuple):
    """An audit row to be sealed, users and keys under their pseudonyms. `details` is JSON text, `created_at` RFC 3339."""

    log: str
    epoch: int
    id: int
    xid: int
    tenant_id: str
    user_id: str
    action: str
    resource_type: str
    resource_id: str
    details: str | None
    created_at: str
    actor: str
    version: int | None


def entry_bytes(entry: Entry) -> bytes:
    """What the leaf is the hash of: an object whose members stand in the order of their names.

    Numbers that a double may not hold are strings. `details` that RFC 8785 cannot say exactly (a number that no double
    holds, very deep nesting) stand in `details_text` as PostgreSQL writes them: every row can be sealed. Rows look alike
    only where their values are the same as JSON: SQL's NULL and JSON's null as `details`, 1.0 and 1 in them.
    """
    quote = encode_basestring
    version = "null" if entry.version is None else entry.version
    return (
        f'{{"action":{quote(entry.action)},"actor":{quote(entry.actor)},"created_at":{quote(entry.created_at)},'
        f'{_details(entry.details)},"epoch":{entry.epoch},"id":"{entry.id}","log":{quote(entry.log)},'
        f'"resource_id":{quote(entry.resource_id)},"resource_type":{quote(entry.resource_type)},"schema":{SCHEMA},'
        f'"tenant_id":{quote(entry.tenant_id)},"user_id":{quote(entry.user_id)},"version":{version},'
        f'"xid":"{entry.xid}"}}'
    ).encode()


def _details(text: str | None) -> str:
    if text is None:
        return '"details":null'
    try:
        return f'"details":{canonical(text)}'
    except (Inexpressible, RecursionError):
        return f'"details_text":{encode_basestring(text)}'


class Inexpressible(ValueError):
    """RFC 8785 has no form for it that keeps it as it is."""


def canonical(text: str) -> str:
    """JSON text in the one form of RFC 8785. Raises Inexpressible, and RecursionError for nesting beyond all bounds."""
    return _written(json.loads(text, parse_float=_Number, parse_int=_Number), 0)


class _Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


def _written(value: Any, depth: int) -> str:
    if isinstance(value, _Number):
        return number(value)
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if depth > DEEPEST:
        raise Inexpressible("nested too deeply")
    if isinstance(value, list):
        return f"[{','.join(_written(item, depth + 1) for item in cast('list[Any]', value))}]"
    members = cast("dict[str, Any]", value)
    names = sorted(members, key=lambda name: name.encode("utf-16-be"))
    return f"{{{','.join(f'{encode_basestring(name)}:{_written(members[name], depth + 1)}' for name in names)}}}"


def number(written: str) -> str:
    """As ECMAScript writes it. Raises Inexpressible where that would be another number."""
    exact = Decimal(written)
    if abs(exact) <= EXACT and exact == exact.to_integral_value():
        return str(int(exact))
    told = _as_ecmascript(float(written))
    if Decimal(told) != exact:
        raise Inexpressible(written)
    return told


def _as_ecmascript(value: float) -> str:
    """The shortest digits that read back as the same double; an exponent beyond 21 digits or 6 leading zeros."""
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    if not isinstance(exponent, int):  # infinite
        raise Inexpressible(str(value))
    minus, text = "-" if sign else "", "".join(map(str, digits))
    point = len(text) + exponent
    if len(text) <= point <= 21:
        return f"{minus}{text}{'0' * (point - len(text))}"
    if 0 < point <= 21:
        return f"{minus}{text[:point]}.{text[point:]}"
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    rest = f".{text[1:]}" if len(text) > 1 else ""
    return f"{minus}{text[0]}{rest}e{point - 1:+d}"
