"""What the document calls valid the models accept, and what it forbids they refuse: value by value, field by field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import jsonschema_rs
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ValidationError

from milepost.api.control import CancelJob, RetryJob
from milepost.api.images import Days, HistoryPart
from milepost.api.openapi import document
from milepost.api.pointers import names_of
from milepost.api.problems import Problem
from milepost.api.query import Waiting, parameters_of, parse
from milepost.domain.errors import UrlNotAllowed
from milepost.kinds import all_kinds
from milepost.kinds.executions.artifacts import CreateArtifact
from milepost.kinds.executions.requests import QUANTITY, CreateExecution
from milepost.kinds.executions.updates import UpdateExecution
from milepost.kinds.images.requests import CreateImageTask
from milepost.kinds.requests import RFC3339
from milepost.net.url_rules import UrlRules, check_url
from tests.api_fixtures import House
from tests.images_fixtures import REQUEST

AHEAD = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%S")
ID = "a0eebc99-9c0b-7ef8-bb6d-6bb9bd380a11"
LENGTHS = (1, 2, 3, 32, 33, 40, 41, 64, 65, 100, 101, 200, 201, 255, 256, 257, 1024, 1025, 2000, 2001, 4000, 4001)
TEXTS = [
    "", " ", "\t\n", "\u3000", "\x1c", "\x85", "\u200b", "a", "A1", "a\n", "\na", "a b", "a\x00b", "\x00", "a\x1bb", "a\x7fb", "a\u202eb", "a\u2028b",
    "a\u00adb", "名前", "😀", "é", "e\u0301", "\ufeffa", ".", "..", "...", "a/b", "a\\b", "a.txt", "%00", "null", "true", "1", "-1", "1.0", "1e3",
    *("x" * length for length in LENGTHS), "X_Y", "x_y", "1X",
    ID, ID.upper(), "{" + ID + "}", f"urn:uuid:{ID}", ID.replace("-", ""), ID + "\n", ID[:-1],
    f"{AHEAD}Z", f"{AHEAD}z", f"{AHEAD.replace('T', ' ')}Z", f"{AHEAD.replace('T', 't')}+02:00", f"{AHEAD}.123456789Z", f"{AHEAD}.1234567890Z",
    f"{AHEAD}", f"{AHEAD}+24:00", f"{AHEAD}+2:00", f"{AHEAD}Z\n", f"{AHEAD[:-3]}Z", f"{AHEAD[:-2]}60Z", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
    f"{AHEAD[:10]}", "2026-01-31", "2026-1-31", "2026-02-30", "2026-01-31\n", "٢٠٢٦-01-31",
    "https://example.com/x", "HTTPS://example.com/", "http://example.com/", "ftp://example.com/", "https://", "example.com", "https://example.com/ x",
    "text/plain", "text/plain; charset=utf-8", "text", "text/", "/plain", "TEXT/PLAIN", "text/pl ain", "text/plain\n", "a/b/c",
    "0" * 64, "a" * 64, "F" * 64, "g" * 64, "0" * 63, "0" * 64 + "\n",
    "500m", "2", "512Mi", "0.5", "64", "1.2345", "-1", "0x1", "1 Gi", "٣",
    "#fff", "#FFF000", "#ffff", "red", "RED", "Rebeccapurple", "redd", "#ggg", "red\n",
    "png", "PNG", "auto", "CODE", "OTHER", "RUNNING", "PENDING", "queued",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 3, 12, 100, 101, -100, -101, 256, 600, 601, 2268, 2269, 3650, 86_400, 86_401, 200_001, 2**31 - 1, 2**31,
    5 * 1024**3, 5 * 1024**3 + 1, 2**53 - 1, 2**53, 0.5, -0.5, [], {}, [1], ["a"], {"a": 1}, {"a": "b"}, {"a": None}, [{}], *TEXTS,
]  # fmt: skip
FILTERS = ["created_at", "finished_at", "status", "completedAt", "createdAt", "id", "asc", "desc", "ASC", "succeeded", "COMPLETED",
           "completed", "queued,failed", "queued,", "PENDING,RUNNING", "0", "10000", "10001", "00", "+1", "False", "0123abcd"]  # fmt: skip
OBJECTS: dict[str, list[Any]] = {
    "tags": [{"a" * 64: "b"}, {"a" * 65: "b"}, {"": "b"}, {"a": "b" * 256}, {"a": "b" * 257}, {"milepost.x": "a"}, {"MILEPOST.x": "a"},
             {"milepostx": "a"}, {str(n): "a" for n in range(50)}, {str(n): "a" for n in range(51)}, {"a\x00": "b"}, {"a": "\x00"}, {"a\n": "b"}],
    "resources": [{"cpu": value} for value in TEXTS] + [{"cpu": "2", "memory": "1Gi", "ephemeral_storage": "1Gi"}, {"gpu": "1"}],
    "effects": [{"foil": value} for value in ("none", "x", None, 1)] + [{"rays": value} for value in (11, 12, 64, 65, "12", None)] +
               [{"x-a": 1}, {"y-a": 1}, {"x-" + "a" * 62: 1}, {"x-" + "a" * 63: 1}, {"x-": 1}, {"gloss": 1}],
    "style": [{"frame": "rope"}, {"frame": "x"}, {"x-a": {"b": [1]}}, {"grain": None}],
}  # fmt: skip
MODELS: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (CreateExecution, {"prompt": "x"}),
    (CreateImageTask, dict(REQUEST)),
    (CreateArtifact, {"file_name": "x", "file_size": 1}),
    (UpdateExecution, {}),
    (CancelJob, {}),
    (RetryJob, {}),
]


@pytest.fixture
def served(house: House) -> dict[str, Any]:
    app: FastAPI = house.app
    return document(app, house.deps)


def in_words(name: str, value: Any) -> bool:
    """What the document says in words alone: no schema knows what a quantity is worth, or what a text becomes."""
    if isinstance(value, dict) and "cpu" in value:
        return QUANTITY.fullmatch(value["cpu"]) is not None
    if not isinstance(value, str):
        return False
    # its format knows the T alone, and RFC 3339 a blank too
    if name.endswith(("_at", "_until", "_after", "_before")):
        return RFC3339.fullmatch(value) is not None and " " in value
    # trimmed before they are measured
    trimmed = {"prompt", "title", "character_name", "attribute", "rarity", "background_color"}
    return name in trimmed and value != value.strip()


def taken(model: type[BaseModel], body: dict[str, Any]) -> bool:
    try:
        asked: Any = model.model_validate_json(json.dumps(body))
        if getattr(asked, "callback_url", None) is not None:
            check_url(asked.callback_url, UrlRules())
    except (ValidationError, UrlNotAllowed):
        return False
    return True


def differences(model: type[BaseModel], good: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    for name in [*model.model_fields, "no_such_field"]:
        for value in [*VALUES, *OBJECTS.get(name, [])]:
            body = {**good, name: value}
            if in_words(name, value):
                continue
            told = validator.is_valid(body)
            if told != taken(model, body):
                yield f"{model.__name__}.{name} = {value!r:.90}: {'told, not taken' if told else 'taken, not told'}"


@pytest.mark.parametrize(("model", "good"), MODELS, ids=lambda one: getattr(one, "__name__", ""))
def test_bodies(served: dict[str, Any], model: type[BaseModel], good: dict[str, Any]) -> None:
    schema = {"$ref": f"#/components/schemas/{model.__name__}", "components": served["components"]}

    assert jsonschema_rs.Draft202012Validator(schema).is_valid(good)
    assert list(differences(model, good, schema)) == []


def read(shape: dict[str, Any], text: str) -> Any:
    """A parameter's value as its type has it; a text that has not this type stays one, which then fits nothing."""
    kind = shape["type"]
    if kind == "array":
        return [read(shape["items"], part) for part in text.split(",")]
    if kind == "integer" and re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text):
        return int(text)
    return {"true": True, "false": False}.get(text, text) if kind == "boolean" else text


LISTS: list[tuple[str, type[BaseModel]]] = [
    ("/v1/executions", parameters_of([kind for kind in all_kinds() if kind.path == "executions"])),
    ("/v1/images", parameters_of([kind for kind in all_kinds() if kind.path == "images"])),
    ("/v1/jobs", parameters_of(all_kinds())),
    ("/v1/jobs/{job_id}", Waiting),
    ("/v1/generated_images", HistoryPart),
    ("/v1/usage_stats", Days),
]


@pytest.mark.parametrize(("path", "model"), LISTS, ids=lambda one: one if isinstance(one, str) else "")
def test_parameters(served: dict[str, Any], path: str, model: type[BaseModel]) -> None:
    parameters = [one for one in served["paths"][path]["get"]["parameters"] if one["in"] == "query"]
    found: list[str] = []
    for one in parameters:
        validator = jsonschema_rs.Draft202012Validator(one["schema"], validate_formats=True)
        for value in (text for text in [*TEXTS, *FILTERS] if not in_words(one["name"], text)):
            told = validator.is_valid(read(one["schema"], value))
            try:
                parse({"query_string": urlencode({one["name"]: value}).encode()}, model)
                taken = True
            except Problem:
                taken = False
            if told != taken:
                found.append(f"?{one['name']}={value!r:.90}: {'told, not taken' if told else 'taken, not told'}")

    assert {one["name"] for one in parameters} == {names_of(model, name)[0] for name in model.model_fields}
    assert found == []
