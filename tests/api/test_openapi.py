"""The OpenAPI document is what the API does: valid requests are accepted, invalid ones refused, and no answer is untold."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import negative_data_rejection

from milepost.api.app import create_app
from milepost.api.problems import SLUGS
from milepost.net.url_rules import UrlRules
from tests.api_fixtures import Caller, House, serve
from tests.contract import Contract, contract_of
from tests.factories import TABLE, new_execution
from tests.images_fixtures import REQUEST, Brush, Easel, png

EXAMPLES = 20
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
# what a request is answered with that the document forbids; other statuses are about what there is, and when
REFUSED = frozenset({400, 413, 414, 415, 422, 431})
AHEAD = "2090-01-01T00:00:00Z"
# a form of one picture is no schema's to describe, and a stream does not end
FORM = "/v1/images/sources"
CONFIG = schemathesis.Config.from_dict(
    {"checks": {"negative_data_rejection": {"expected-statuses": ["400", "401", "404", "409", "412", "413", "415", "416", "422"]}}}
)  # fmt: skip


async def known_ids(house: House, caller: Caller) -> dict[str, list[str]]:
    """Things that exist, in every status a route may meet them in."""
    jobs: list[str] = []
    for _ in range(6):
        job = (await house.database.ledger.submit(TABLE, new_execution(user_id=caller.user_id))).job
        jobs.append(str(job.id))
    await house.database.ledger.claim(TABLE, [(job.id, 1)], "w1", 60)
    made = await caller.http.post(f"/v1/executions/{jobs[0]}/artifacts", json={"file_name": "x", "file_size": 1})
    sticker = await Easel(house.database, house.store, Brush(), caller.user_id).draw()
    result = (await caller.http.get(f"/v1/images/{sticker.id}")).json()["result"]
    return {
        "job_id": [*jobs, str(sticker.id)],
        "artifact_id": [made.json()["id"]],
        "image_id": [result["image_id"]],
        "name": [result["image_url"].rsplit("/", 1)[1]],
    }


class Visitor:
    """Calls operations with made-up requests, most of them about things that exist."""

    def __init__(self, url: str, key: str, known: dict[str, list[str]], contract: Contract) -> None:
        self._url = url
        self._known = known
        self._contract = contract
        self._session = requests.Session()
        self._session.trust_env = False
        self._key = key
        self.calls = 0
        self.statuses: set[int] = set()

    def visit(self, operation: Any, mode: GenerationMode) -> None:
        @given(case=operation.as_strategy(generation_mode=mode), choice=st.integers(0, 1_000))
        @settings(
            max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType] - an Enum of theirs
        )  # fmt: skip
        def run(case: Any, choice: int) -> None:
            self._call(case, mode, random.Random(choice))

        with suppress(Unsatisfiable):  # an operation without parameters cannot be asked wrongly
            run()

    def _call(self, case: Any, mode: GenerationMode, chance: random.Random) -> None:
        for name, ids in self._known.items():
            if mode is POSITIVE and name in (case.path_parameters or {}) and chance.random() < 0.7:
                case.path_parameters[name] = chance.choice(ids)
        if mode is POSITIVE:
            keep_what_is_said_in_words(case)
        if "wait" in (case.query or {}) and str(case.query["wait"]).isdigit():
            case.query["wait"] = "0" if mode is POSITIVE else "31"
        headers = {"Authorization": f"Bearer {self._key}"}
        request = case.as_transport_kwargs(base_url=self._url, headers=headers)
        with self._session.request(**{**request, "stream": True, "timeout": 20}) as answer:
            self._check(case, mode, answer)

    def _check(self, case: Any, mode: GenerationMode, answer: requests.Response) -> None:
        self.calls += 1
        self.statuses.add(answer.status_code)
        said = f"{case.method} {answer.request.url} {answer.request.headers} {answer.request.body!r:.600} -> {answer.status_code}"
        assert answer.status_code < 500, f"{said} {answer.text[:500]}"
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            answer.raw.close()  # a stream does not end: its head is what is looked at
            answer._content = b""
        headers = {name.lower(): value for name, value in answer.headers.items()}
        path = answer.request.path_url.partition("?")[0]
        faults = self._contract.faults(case.method, path, answer.status_code, headers, answer.content)
        assert not faults, f"{said} {answer.text[:500]}: {faults}"
        if mode is POSITIVE:
            assert answer.status_code not in REFUSED, f"{said} {answer.text[:500]}"
        else:
            try:
                case.validate_response(answer, checks=[negative_data_rejection])
            except FailureGroup as error:
                raise AssertionError(f"{said}: {error.exceptions[0]}") from None


def keep_what_is_said_in_words(case: Any) -> None:
    """The rules that no schema can state, and the document therefore says in its descriptions."""
    keep_rules_of_queries(case.query or {})
    headers, path = case.headers or {}, case.operation.path
    headers.pop("Idempotency-Key", None)  # the same key with another request is refused
    if isinstance(case.body, dict):
        for request in bodies(case.body):
            keep_rules_of_fields(request)
        if case.method == "PATCH":  # the version is said here or there, and not two different ones
            headers.pop("If-Match", None)
            case.body["version"] = case.body.get("version") or 1
    if path.endswith("/artifacts") and isinstance(case.body, dict):
        case.body |= {"file_path": None, "execution_id": None}  # of a stored file, and of the path


def keep_rules_of_queries(query: dict[str, Any]) -> None:
    for name in ("cursor", "offset", "from", "to"):  # ours to make; one place at a time; within a year
        query.pop(name, None)
    for name in (
        "created_after",
        "created_before",
        "finished_after",
        "finished_before",
    ):  # not the ends of the calendar
        if str(query.get(name, ""))[:4] in {"0000", "0001", "9999"}:
            query[name] = AHEAD
    if "status" in query:  # of the kinds that are named
        query.pop("kind", None)
    if "page" in query:  # up to row 10,000
        query["page"] = min(int(query["page"]), 10_000 // int(query.get("page_size", 20)))


def bodies(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (body["jobs"] if isinstance(body.get("jobs"), list) else [body])


def keep_rules_of_fields(request: dict[str, Any]) -> None:
    rules: dict[str, Any] = {
        "model": "offline/extract", "callback_url": "https://example.com/x", "retain_until": AHEAD,
        "scheduled_at": "2020-01-01T00:00:00Z", "resources": {"cpu": "500m", "memory": "512Mi"}, "source_image_id": None,
        "tokens_used": None, "input_tokens": None, "output_tokens": None, "metadata": {"a": 1}, "error_details": {"a": 1}, "status": None,
    }  # fmt: skip
    for name, value in rules.items():
        if request.get(name) is not None:
            request[name] = value
    for name, value in request.items():
        if isinstance(value, float) and value.is_integer():  # a number without a fraction is written without a point
            request[name] = int(value)
        if isinstance(value, dict):  # what is kept for other renderers is short, and no text anywhere holds NUL
            request[name] = {
                key: 1 if key.startswith("x-") else int(one) if isinstance(one, float) else one
                for key, one in list(value.items())[:10]
            }


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_every_route_accepts_what_the_document_allows_refuses_what_it_forbids_and_answers_as_it_tells(
    house: House,
) -> None:
    # many of the requests carry no key, which an address may not try for ever
    limits = replace(house.deps.limits, refusals_per_minute=1_000_000)
    house.app = create_app(replace(house.deps, default_model="offline/extract", limits=limits))
    operator = await house.operator()
    known = await known_ids(house, operator)
    contract = contract_of(house.app)
    schema = schemathesis.openapi.from_dict(contract.document, config=CONFIG)
    async with serve(house.app) as url:
        visitor = Visitor(url, operator.key, known, contract)

        def visit_all() -> list[str]:
            operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
            for operation in operations:
                for mode in (POSITIVE, NEGATIVE):
                    if operation.path != FORM or mode is NEGATIVE:
                        visitor.visit(operation, mode)
            return [f"{operation.method} {operation.path}" for operation in operations]

        visited = await asyncio.to_thread(visit_all)

    told = {f"{verb} {path}" for path, verbs in contract.document["paths"].items() for verb in verbs}
    assert set(visited) == told
    assert visitor.calls > len(visited) * EXAMPLES
    assert {200, 202, 404, 422} <= visitor.statuses


async def test_the_one_form_is_taken_as_the_document_tells(house: House) -> None:
    caller = await house.caller()

    taken = await caller.http.post(FORM, files={"file": ("a.png", png(1))})
    refused = [
        await caller.http.post(FORM, files={"other": ("a.png", png(1))}),
        await caller.http.post(FORM, files={"file": ("a.png", png(1))}, data={"more": "x"}),
        await caller.http.post(FORM, json={"file": "x"}),
        await caller.http.post(FORM),
    ]

    assert taken.status_code == 201
    assert all(answer.status_code in REFUSED for answer in refused)


def properties(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property of every schema, wherever it stands."""
    if isinstance(node, list):
        for index, member in enumerate(node):
            yield from properties(member, f"{place}/{index}")
    if isinstance(node, dict):
        found = node.get("properties")
        if isinstance(found, dict) and (node.get("type") == "object" or "required" in node):
            yield from ((f"{place}/{name}", shape) for name, shape in found.items())
        for name, member in node.items():
            if name not in {"examples", "default", "enum"}:
                yield from properties(member, f"{place}/{name}")


async def test_every_property_parameter_and_answer_has_a_description(house: House) -> None:
    document = contract_of(house.app).document
    told = list(properties(document))
    named = document["components"]["schemas"]
    mute = [
        place
        for place, shape in told
        if not shape.get("description")
        and not named.get(shape.get("$ref", "").rsplit("/", 1)[-1], {}).get("description")
    ]
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            mute += [f"{verb} {path}"] * (not operation.get("summary") or not operation.get("tags"))
            mute += [
                f"{verb} {path} {one['name']}" for one in operation.get("parameters", ()) if not one.get("description")
            ]
            for status in operation["responses"]:
                answer = contract_of(house.app).response(operation, int(status))
                mute += [f"{verb} {path} {status}"] * (
                    not answer or answer["description"] in {"", "Successful Response"}
                )

    assert len(told) > 250
    assert mute == []


async def test_the_rules_that_the_code_has_stand_in_the_document(house: House) -> None:
    document = contract_of(house.app).document
    schemas, paths = document["components"]["schemas"], document["paths"]
    parameters = {one["name"]: one for one in paths["/v1/executions"]["get"]["parameters"]}

    def shape(model: str, name: str) -> dict[str, Any]:
        found = schemas[model]["properties"][name]
        return next((one for one in found.get("anyOf", [found]) if one.get("type") != "null"), found)

    assert {"created_at", "finished_at", "status", "completed_at"} <= set(parameters["sort_by"]["schema"]["enum"])
    assert parameters["status"]["schema"]["items"]["enum"] == ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
    for model in ("CreateExecution", "UpdateExecution"):
        assert "ahead" in schemas[model]["properties"]["retain_until"]["description"]
        assert shape(model, "retain_until")["format"] == "date-time"
    for model, name in (("CancelJob", "reason"), ("RetryJob", "reason"), ("CreateArtifact", "mime_type"),
                        ("CreateArtifact", "checksum"), ("CreateArtifact", "file_name"), ("CreateImageTask", "background_color"),
                        ("CreateImageTask", "source_image_id"), ("CreateExecution", "prompt")):  # fmt: skip
        assert shape(model, name)["pattern"], (model, name)
    assert (
        shape("CreateExecution", "callback_url")["format"],
        shape("CreateExecution", "callback_url")["maxLength"],
    ) == ("uri", 2048)
    assert next(iter(paths["/metrics"]["get"]["responses"]["200"]["content"])).startswith("text/plain; version=0.0.4")
    for path in ("/v1/jobs/{job_id}/cancel", "/v1/jobs/{job_id}/retry"):
        operation = paths[path]["post"]
        assert [one["in"] for one in operation["parameters"] if one["name"] == "If-Match"] == ["header"]
        for status, slug in ((400, "bad-request"), (412, "version-conflict")):
            answer = contract_of(house.app).response(operation, status)
            assert answer is not None
            assert slug in answer["x-problems"]
    assert all(slug in SLUGS for one in document["components"]["responses"].values() for slug in one["x-problems"])


async def test_an_installation_that_allows_http_for_callbacks_says_so(house: House) -> None:
    open_house = create_app(replace(house.deps, callback_rules=UrlRules(schemes=frozenset({"http", "https"}))))
    patterns = [
        one["pattern"]
        for app in (house.app, open_house)
        for one in contract_of(app).document["components"]["schemas"]["CreateExecution"]["properties"]["callback_url"][
            "anyOf"
        ]
        if "pattern" in one
    ]

    assert ["[Ss]?" in pattern for pattern in patterns] == [False, True]


HEADERS = {"content-type": "application/json", "x-request-id": "x"}


@pytest.mark.parametrize(
    ("status", "body", "headers", "told"),
    [
        (200, '{"status":"ok"}', {}, []),
        (200, '{"status":"ok","more":1}', {}, ["Additional properties"]),
        (200, '{"status":"fine"}', {}, ["is not"]),
        (200, "{}", {}, ["required"]),
        (418, "{}", {}, ["418 is not told of"]),
        (200, '{"status":"ok"}', {"content-type": "text/plain"}, ["media type"]),
        (431, '{"type":"/problems/not-found","title":"x","status":431,"detail":"x","instance":"x"}',
         {"content-type": "application/problem+json"}, ["not-found is not told of"]),
    ],
)  # fmt: skip
async def test_an_answer_that_is_not_told_of_is_found_out(
    house: House, status: int, body: str, headers: dict[str, str], told: list[str]
) -> None:
    faults = contract_of(house.app).faults("GET", "/healthz", status, HEADERS | headers, body.encode())

    assert len(faults) == len(told)
    assert all(part in fault for part, fault in zip(told, faults, strict=True))


async def test_every_client_of_the_tests_holds_answers_against_the_document(house: House) -> None:
    from fastapi.responses import JSONResponse

    caller = await house.caller()
    route = next(route for route in house.app.router.routes if getattr(route, "path", "") == "/v1/summary")

    async def other(scope: Any, receive: Any, send: Any) -> None:
        await JSONResponse({"secret": 1}, headers={"X-Request-Id": "x"})(scope, receive, send)

    route.app = other  # type: ignore[attr-defined]
    with pytest.raises(AssertionError, match="Additional properties"):
        await caller.http.get("/v1/summary")
    assert isinstance(caller.http, httpx2.AsyncClient)


async def test_a_sticker_over_http_is_as_the_document_tells(house: House) -> None:
    caller = await house.caller()
    made = await caller.http.post("/v1/images", json=REQUEST)

    assert made.status_code == 202
