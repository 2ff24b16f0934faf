"""What OpenAPI says of requests and answers, made from the kinds' models, tables and machines."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from milepost.db.shared_tables import StatusTransition
from milepost.engine.kind import HIDDEN, Kind

Schema = dict[str, Any]
Responses = dict[int | str, Any]
SECONDS_LEFT = (
    "Until the attempt under way ends, judged by its progress so far. Null before a fifth is done, after one report of"
    " progress alone, and once it takes longer than was expected."
)
LATE = "It takes longer than was expected of it, so that `seconds_left` may rise."
REF = "#/components/schemas/{model}"
TYPES: Mapping[str, Schema] = {
    "UUID": {"type": "string", "format": "uuid"},
    "TEXT": {"type": "string"},
    "INTEGER": {"type": "integer"},
    "SMALLINT": {"type": "integer"},
    "BIGINT": {"type": "integer"},
    "BOOLEAN": {"type": "boolean"},
    "TIMESTAMP WITH TIME ZONE": {"type": "string", "format": "date-time"},
    "JSONB": {"type": "object"},
    "NUMERIC(10, 6)": {"type": "number"},
    "DATE": {"type": "string", "format": "date"},
}
IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x20-\\x7e]+$"},
    "description": "The same key and request give the same job, however often they are sent.",
}  # fmt: skip
IF_MATCH: Schema = {
    "name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"},
    "description": 'The version that must be the present one, `"3"`, or a whole ETag.',
}  # fmt: skip
PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The request's id."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
        "current": {
            "type": "object",
            "properties": {"status": {"type": "string"}, "version": {"type": "integer"}},
        },
    },
}

WARNINGS: Schema = {
    "type": "array",
    "description": "What was asked for and will not be done, where there is such: at present a `callback_url`,"
    " which is kept while nothing is sent to it.",
    "items": {"type": "string"},
}


def ref(name: str) -> Schema:
    return {"$ref": REF.format(model=name)}


def name_of(kind: Kind) -> str:
    """Execution, ScanJob: as people say it."""
    return kind.name.title().replace("_", "")


def components(kinds: Sequence[Kind]) -> dict[str, Schema]:
    """Every schema that the paths refer to, request models apart (`body` answers those)."""
    found: dict[str, Schema] = {"Problem": PROBLEM, "StatusTransition": row(StatusTransition.__table__)}
    for kind in kinds:
        found[name_of(kind)] = _job(kind)
    return found


def model_schemas(model: type[BaseModel]) -> dict[str, Schema]:
    """The model and all that it refers to, by name."""
    schema = model.model_json_schema(by_alias=False, ref_template=REF)
    return {**schema.pop("$defs", {}), model.__name__: schema}


def body(model: type[BaseModel], *, required: bool = True) -> Schema:
    # what the reference leads to rides along until the document is put together
    return {
        "required": required,
        "content": {"application/json": {"schema": ref(model.__name__)}},
        "x-schemas": model_schemas(model),
    }


def parameters(model: type[BaseModel]) -> list[Schema]:
    """The fields of a model as query parameters."""
    schema = model.model_json_schema(by_alias=False)
    definitions = schema.get("$defs", {})
    return [_parameter(name, field, definitions) for name, field in schema["properties"].items()]


def _parameter(name: str, field: Schema, definitions: Schema) -> Schema:
    shape = next((part for part in field.get("anyOf", [field]) if part.get("type") != "null"), field)
    shape = {key: value for key, value in shape.items() if key not in {"title", "description", "default"}}
    items = shape.get("items", {})
    if "$ref" in items:
        shape["items"] = definitions[items["$ref"].rsplit("/", 1)[1]]
    found = {"name": name, "in": "query", "required": False, "schema": shape}
    return found | ({"description": field["description"]} if "description" in field else {})


def reading() -> list[Schema]:
    wait = {"name": "wait", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 30},
            "description": "Seconds to wait for a change; 304 if there is none."}  # fmt: skip
    known = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}
    return [wait, known]


def whole(kinds: Sequence[Kind]) -> Responses:
    return {
        200: described("The job, with its history and files.", _any_of(kinds)),
        304: {"description": "Not changed."},
    }


def cancelled(kinds: Sequence[Kind]) -> Responses:
    return {
        200: described("Cancelled, or ended before.", _any_of(kinds)),
        202: described("It runs, and was asked to stop.", _any_of(kinds)),
    }


def created(kind: Kind) -> Responses:
    answer: Schema = {"allOf": [ref(name_of(kind)), {"type": "object", "properties": {"warnings": WARNINGS}}]}
    return {
        200: described("A replay: the job that this key made, as it is now.", answer),
        202: described("Accepted.", answer),
    }


def batched() -> Responses:
    ids = {"type": "array", "items": TYPES["UUID"]}
    content: Schema = {
        "type": "object",
        "properties": {"ids": ids, "count": {"type": "integer"}, "warnings": WARNINGS},
    }
    return {200: described("A replay.", content), 202: described("All of them are accepted.", content)}


def listed(kinds: Sequence[Kind]) -> Responses:
    properties: Schema = {
        "items": {"type": "array", "items": _any_of(kinds)},
        "page": {"type": ["integer", "null"]},
        "page_size": {"type": "integer"},
        "total": {"type": ["integer", "null"], "description": "Exact up to 10,000, else null."},
        "next_cursor": {"type": ["string", "null"]},
    }
    return {200: described("One page.", {"type": "object", "properties": properties, "required": list(properties)})}


def transitions() -> Responses:
    items = {"type": "array", "items": ref("StatusTransition")}
    return {200: described("In the order of versions.", {"type": "object", "properties": {"items": items}})}


def _any_of(kinds: Sequence[Kind]) -> Schema:
    refs = [ref(name_of(kind)) for kind in kinds]
    return refs[0] if len(refs) == 1 else {"anyOf": refs}


def described(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def row(table: Any, only: Collection[str] | None = None) -> Schema:
    """A table's row as an answer shows it, or only these columns of it."""
    columns = [column for column in table.columns if only is None or column.name in only]
    properties = {column.name: _column(str(column.type), nullable=column.nullable) for column in columns}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _job(kind: Kind) -> Schema:
    nullable = {column.name: bool(column.nullable) for column in kind.table.table.columns}
    properties: Schema = {"id": TYPES["UUID"], "kind": {"const": kind.name}, "phase": {"type": "string"},
                          "title": {"type": "string", "description": "One line by which people know the job."}}  # fmt: skip
    for name, column in kind.table.types.items():
        if name not in HIDDEN:
            properties[name] = _column(column, nullable=nullable[name])
    properties["status"] = {"type": "string", "enum": list(kind.machine.phases)}
    required = list(properties)
    if "output" in properties:
        properties["output_artifact_id"] = _column("UUID", nullable=True)
    properties["seconds_left"] = _column("INTEGER", nullable=True) | {"description": SECONDS_LEFT}
    properties["late"] = {"type": "boolean", "description": LATE}
    properties["status_transitions"] = {"type": "array", "items": ref("StatusTransition")}
    properties["artifacts"] = {"type": "array", "items": {"type": "object"}}
    return {"type": "object", "properties": properties, "required": required}


def _column(sql_type: str, *, nullable: bool) -> Schema:
    shape = TYPES.get(sql_type, {"type": "string"})
    return shape | {"type": [shape["type"], "null"]} if nullable else shape
