"""Whatever the OpenAPI document allows, and what it does not, is answered: never by a 5xx, never but by a problem."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.api_fixtures import Caller, House, serve
from tests.factories import TABLE, new_execution

EXAMPLES = 20
PROBLEM = {"type", "title", "status", "detail", "instance"}
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


async def known_ids(house: House, caller: Caller) -> dict[str, list[str]]:
    """Things that exist, in every status a route may meet them in."""
    jobs: list[str] = []
    for _ in range(6):
        job = (await house.database.ledger.submit(TABLE, new_execution(user_id=caller.user_id))).job
        jobs.append(str(job.id))
    await house.database.ledger.claim(TABLE, [(job.id, 1)], "w1", 60)
    made = await caller.http.post(f"/v1/executions/{jobs[0]}/artifacts", json={"file_name": "x", "file_size": 1})
    return {"job_id": jobs, "artifact_id": [made.json()["id"]]}


class Visitor:
    """Calls operations with made-up requests, half of them about things that exist."""

    def __init__(self, url: str, key: str, known: dict[str, list[str]]) -> None:
        self._url = url
        self._known = known
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
            self._call(case, random.Random(choice))

        with suppress(Unsatisfiable):  # an operation without parameters cannot be asked wrongly
            run()

    def _call(self, case: Any, chance: random.Random) -> None:
        for name, ids in self._known.items():
            if name in (case.path_parameters or {}) and chance.random() < 0.7:
                case.path_parameters[name] = chance.choice(ids)
        if "wait" in (case.query or {}):
            case.query["wait"] = "0"
        if isinstance(case.body, dict) and "prompt" in case.body and chance.random() < 0.7:
            case.body |= {"model": "offline/extract", "callback_url": None}
        headers = {"Authorization": f"Bearer {self._key}"}
        request = case.as_transport_kwargs(base_url=self._url, headers=headers)
        with self._session.request(**{**request, "stream": True, "timeout": 20}) as answer:
            self._check(case, answer)

    def _check(self, case: Any, answer: requests.Response) -> None:
        self.calls += 1
        self.statuses.add(answer.status_code)
        said = f"{case.method} {answer.request.url} {answer.request.body!r:.300} -> {answer.status_code}"
        assert answer.status_code < 500, f"{said} {answer.text[:500]}"
        assert "x-request-id" in answer.headers, said
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json", said
            problem = answer.json()
            assert problem.keys() >= PROBLEM, said
            assert problem["status"] == answer.status_code, said


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_no_request_that_the_document_describes_is_answered_with_a_5xx_or_without_a_problem(house: House) -> None:
    operator = await house.operator()
    known = await known_ids(house, operator)
    document = (await house.client().get("/openapi.json")).json()
    schema = schemathesis.openapi.from_dict(document)
    async with serve(house.app) as url:
        visitor = Visitor(url, operator.key, known)

        def visit_all() -> int:
            operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
            for operation in operations:
                for mode in MODES:
                    visitor.visit(operation, mode)
            return len(operations)

        count = await asyncio.to_thread(visit_all)

    assert count == sum(len(methods) for methods in document["paths"].values())
    assert visitor.calls > count * EXAMPLES
    assert {200, 202, 404, 422} <= visitor.statuses


async def test_every_operation_is_described(house: House) -> None:
    document = (await house.client().get("/openapi.json")).json()
    operations = [(path, verb, each) for path, verbs in document["paths"].items() for verb, each in verbs.items()]

    assert {"/v1/events", "/v1/summary", "/v1/executions", "/v1/artifacts/{artifact_id}/content"} <= {
        path for path, _, _ in operations
    }
    for path, verb, operation in operations:
        assert operation.get("summary"), f"{verb} {path}"
        assert "4XX" in operation["responses"], f"{verb} {path}"
