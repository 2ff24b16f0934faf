"""What the OpenAPI document says of an answer, held against the answer: used by every test that asks the API."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any

import httpx2
import jsonschema_rs
from fastapi import FastAPI

Schema = dict[str, Any]
NOT_ALLOWED = 405


def closed(node: Any) -> Any:
    """The same schema, but that an object has no member which it does not tell of."""
    if isinstance(node, list):
        return [closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: value if key in {"examples", "default", "enum"} else closed(value) for key, value in node.items()}
    if "properties" in found and isinstance(found.get("required"), list):
        found.setdefault("additionalProperties", False)
    return found


class Contract:
    """One document."""

    def __init__(self, document: Schema) -> None:
        self.document = document
        self._validators: dict[tuple[str, str, str, str], Any] = {}

    @cached_property
    def _routes(self) -> list[tuple[re.Pattern[str], str]]:
        """Those without a parameter first: `/v1/images/sources` is no id."""
        paths = sorted(self.document["paths"], key=lambda path: ("{" in path, path))
        return [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), path) for path in paths]

    def operation(self, method: str, path: str) -> tuple[str, str, Schema] | None:
        """Template, verb and operation; None for what is no route of the API."""
        verb = "get" if method == "HEAD" else method.lower()
        for pattern, template in self._routes:
            if pattern.fullmatch(path) and verb in self.document["paths"][template]:
                return template, verb, self.document["paths"][template][verb]
        return None

    def response(self, operation: Schema, status: int) -> Schema | None:
        found = operation["responses"].get(str(status))
        if found is not None and "$ref" in found:
            return self.document["components"]["responses"][found["$ref"].rsplit("/", 1)[1]]
        return found

    def faults(self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> list[str]:
        """What of the answer the document does not tell; empty for a good one."""
        found = self.operation(method, path)
        if found is None or status == NOT_ALLOWED:
            return []
        template, verb, operation = found
        told = self.response(operation, status)
        if told is None:
            return [f"the status {status} is not told of"]
        missing = [f"the header {name} is missing" for name in told.get("headers", {}) if name.lower() not in headers]
        if method == "HEAD" or "content" not in told:
            return [*missing, *(["there is a body"] if body else [])]
        media_type = self._media_type(told, headers.get("content-type", ""))
        if media_type is None:
            return [*missing, f"the media type {headers.get('content-type')} is not told of"]
        return [*missing, *self._in_body(template, verb, status, told, media_type, body)]

    def _media_type(self, told: Schema, sent: str) -> str | None:
        main = sent.partition(";")[0].strip()
        return next((one for one in told["content"] if one.partition(";")[0] in {main, "*/*"}), None)

    def _in_body(self, template: str, verb: str, status: int, told: Schema, media_type: str, body: bytes) -> list[str]:
        if "json" not in media_type:
            return []
        value = json.loads(body)
        key = (template, verb, str(status), media_type)
        if key not in self._validators:
            schema = {
                **closed(told["content"][media_type]["schema"]),
                "components": closed(self.document["components"]),
            }
            self._validators[key] = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        faults = [f"{list(e.instance_path)}: {e.message}"[:300] for e in self._validators[key].iter_errors(value)]
        if "x-problems" in told and value["type"].removeprefix("/problems/") not in told["x-problems"]:
            faults.append(f"the problem {value['type']} is not told of")
        return faults


KNOWN: dict[tuple[Any, ...], Contract] = {}


def contract_of(app: FastAPI) -> Contract:
    """Of an application; made once for those that serve the same."""
    deps = app.state.deps
    key = (tuple(kind.name for kind in deps.kinds), deps.callback_rules.schemes, deps.limits.batch_jobs)
    if key not in KNOWN:
        KNOWN[key] = Contract(app.openapi())
    return KNOWN[key]


def checking(app: FastAPI) -> dict[str, list[Callable[[httpx2.Response], Awaitable[None]]]]:
    """Hooks for a client: whatever is answered to it must be as the document tells."""

    async def check(response: httpx2.Response) -> None:
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            return
        body = await response.aread()
        method, path = response.request.method, response.request.url.path
        faults = contract_of(app).faults(method, path, response.status_code, response.headers, body)
        assert not faults, f"{method} {path} -> {response.status_code} {body[:300]!r}: {faults}"

    return {"response": [check]}
