"""The fields of a kind's request, as options: what each takes, for the help, and its value out of a word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from milepost.cli import exits
from milepost.domain.nearest import nearest
from milepost.engine.kind import Kind

Shape = dict[str, Any]
TYPES = {"string": "TEXT", "integer": "NUMBER", "number": "NUMBER", "boolean": "true|false"}
FORMATS = {"date-time": "TIME", "uuid": "ID"}
LONGEST_VALUE = 60


def fields_of(kind: Kind, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Values as the request's fields want them. Raises Exit."""
    known, found = _schema(kind)["properties"], dict[str, Any]()
    for name, value in pairs:
        if name not in known:
            near = nearest(name, known)
            meant = f"Did you mean {option(near)}? " if near else ""
            offered = ", ".join(name for name, shape in known.items() if _is_choice(shape))
            hint = f"{meant}It has: {offered}. A text that begins with -- stands after --."
            raise exits.Exit(exits.USAGE, f"The kind {kind.path} has no field {name}.", hint=hint)
        if name in found:
            raise exits.Exit(exits.USAGE, f"{option(name)} is given twice.")
        found[name] = _read(name, known[name], value)
    return found


def main_field(kind: Kind) -> str | None:
    """The first required one: what the text is for."""
    return next(iter(_schema(kind).get("required", ())), None)


def option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def described(kind: Kind) -> Iterator[tuple[str, str]]:
    """Every field that takes something, and what; required ones first, the members of an object below it."""
    schema = _schema(kind)
    required, shapes = set(schema.get("required", ())), schema["properties"]
    for name in sorted(shapes, key=lambda name: name not in required):
        shape = _bare(shapes[name], schema)
        if not _is_choice(shape):
            continue
        given = "TEXT, or " if name == main_field(kind) else ""
        yield f"{given}{option(name)} {_takes(shape)}", _told(shape, required=name in required)
        for member, inner in shape.get("properties", {}).items():
            bare = _bare(inner, schema)
            yield f"    {member} {_takes(bare)}", _told(bare, required=False)


def _is_choice(shape: Shape) -> bool:
    """Not what is refused whatever its value, nor what can have one alone."""
    return "const" not in shape and all(one.get("not") != {} for one in (shape, *shape.get("anyOf", ())))


def _schema(kind: Kind) -> Shape:
    return kind.request.model_json_schema(by_alias=False)


def _bare(shape: Shape, schema: Shape) -> Shape:
    """Without null, and with what it refers to in its place."""
    choices: list[Shape] = shape.get("anyOf", [])
    chosen = next((one for one in choices if one.get("type") != "null"), Shape())
    found: Shape = {**shape, **chosen}
    return {**found, **schema["$defs"][found["$ref"].rpartition("/")[2]]} if "$ref" in found else found


def _read(name: str, shape: Shape, value: str) -> Any:
    if any(one.get("type") == "string" for one in (shape, *shape.get("anyOf", ()))):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        takes = _takes(next(iter(shape.get("anyOf", ())), shape))
        shown = value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"
        raise exits.Exit(exits.USAGE, f"{option(name)} takes {takes}, not {shown}") from None


def _takes(shape: Shape) -> str:
    return FORMATS.get(shape.get("format", ""), TYPES.get(shape.get("type", ""), "JSON"))


def _told(shape: Shape, *, required: bool) -> str:
    parts = [
        "required" if required else "",
        f"one of {', '.join(shape['enum'])}" if "enum" in shape else "",
        _bounds(shape, "minimum", "maximum", ""),
        _bounds(shape, "minLength", "maxLength", " characters"),
        str(shape["description"]).rstrip(".") if "description" in shape and "properties" not in shape else "",
        f"like {shape['examples'][0]}" if shape.get("examples") else "",
        f"default {_plain(shape['default'])}" if shape.get("default") is not None else "",
    ]
    return "; ".join(part for part in parts if part)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _bounds(shape: Shape, least: str, most: str, unit: str) -> str:
    if most not in shape:
        return ""
    return f"{shape[least]} to {shape[most]}{unit}" if least in shape else f"at most {shape[most]}{unit}"
