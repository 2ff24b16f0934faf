"""What OpenAPI documents are made of: schemas of columns, of models, of parameters and bodies."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel

from milepost.api.pointers import names_of
from milepost.kinds.requests import CANONICAL
from milepost.kinds.told import whole

Schema = dict[str, Any]
REF = "#/components/schemas/{model}"
UUID: Schema = {"type": "string", "format": "uuid"}
TYPES: Mapping[str, Schema] = {
    "UUID": UUID,
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
CANONICAL_UUID: Schema = {**UUID, "pattern": whole(CANONICAL.pattern)}
ALIASES = "Each field may be sent in camelCase too."


def ref(name: str) -> Schema:
    return {"$ref": REF.format(model=name)}


def text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def number(description: str, **more: Any) -> Schema:
    return {"type": "integer", "description": description, **more}


def flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def moment(description: str) -> Schema:
    return text(description, format="date-time")


def items(shape: Schema, description: str, **more: Any) -> Schema:
    return {"type": "array", "items": shape, "description": description, **more}


def or_null(shape: Schema) -> Schema:
    return {**shape, "type": [shape["type"], "null"]}


def thing(description: str, properties: Mapping[str, Schema], optional: Collection[str] = ()) -> Schema:
    """An object whose members are always there, but for the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "description": description, "properties": dict(properties), "required": required}


def row(table: Any, only: Collection[str] | None = None) -> dict[str, Schema]:
    """A table's columns as an answer shows them, or only these of them."""
    return {str(column.name): column_of(column) for column in table.columns if only is None or column.name in only}


def column_of(column: Any) -> Schema:
    shape = TYPES.get(str(column.type), {"type": "string"})
    told: Schema = {"description": column.doc} if column.doc else {}
    if "example" in column.info:
        told["examples"] = [column.info["example"]]
    return (or_null(shape) if column.nullable else shape) | told


def model_schemas(model: type[BaseModel]) -> dict[str, Schema]:
    """The model and all that it refers to, by name. Other spellings of a field stand in `x-aliases`."""
    schema = model.model_json_schema(by_alias=False, ref_template=REF)
    for name, shape in schema.get("properties", {}).items():
        shape.pop("title", None)
        if others := names_of(model, name)[1:]:
            shape["x-aliases"] = list(others)
    schema["description"] = " ".join(f"{schema.get('description', '')} {ALIASES}".split())
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
    own = {field: names_of(model, field)[0] for field in model.model_fields}
    return [
        query(own[name], _bare(field, definitions), field["description"])
        for name, field in schema["properties"].items()
    ]


def query(name: str, shape: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": shape, "description": description}


def header(name: str, description: str, **shape: Any) -> Schema:
    schema = {"type": "string", **shape}
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": description}


def _bare(field: Schema, definitions: Schema) -> Schema:
    """What a parameter may be: never null, and nothing but itself."""
    shape = next((part for part in field.get("anyOf", [field]) if part.get("type") != "null"), field)
    kept = {key: value for key, value in shape.items() if key not in {"title", "description", "default"}}
    if field.get("default") is not None:
        kept["default"] = field["default"]
    if "$ref" in kept.get("items", {}):
        kept["items"] = definitions[kept["items"]["$ref"].rsplit("/", 1)[1]]
    return kept
