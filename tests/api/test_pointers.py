"""Where something is wrong is said in the sender's own words, and what was meant is guessed."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.kinds.requests import CreateJob
from tests.api_fixtures import Caller, House
from tests.images_fixtures import REQUEST

EXECUTIONS, IMAGES = "/v1/executions", "/v1/images"
GOOD = {"prompt": "a", "model": "offline/extract"}


@pytest.fixture
async def caller(house: House) -> Caller:
    return await house.operator()


async def faults(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    first = problem["errors"][0]
    assert problem["detail"].startswith(f"{first['pointer']}: {first['detail']}")
    return {error["pointer"]: error["detail"] for error in problem["errors"]}


async def refused(caller: Caller, path: str, body: Any, **options: Any) -> dict[str, str]:
    return await faults(await caller.http.post(path, json=body, **options))


WRONG = [
    ({"max_tokens": 0}, "/max_tokens"),
    ({"maxTokens": 0}, "/maxTokens"),
    ({"timeout": 0}, "/timeout"),
    ({"timeoutSeconds": "1"}, "/timeoutSeconds"),
    ({"scheduledAt": "now"}, "/scheduledAt"),
    ({"resources": {"ephemeralStorage": "x"}}, "/resources/ephemeralStorage"),
    ({"resources": {"ephemeral_storage": "x"}}, "/resources/ephemeral_storage"),
    ({"callbackUrl": "https://10.0.0.1/"}, "/callbackUrl"),
    ({"callback_url": "https://10.0.0.1/"}, "/callback_url"),
]


async def test_a_wrong_field_is_named_as_it_was_sent(caller: Caller) -> None:
    for sent, pointer in WRONG:
        one = await refused(caller, EXECUTIONS, GOOD | sent)
        many = await refused(caller, f"{EXECUTIONS}:batch", {"jobs": [GOOD, GOOD | sent]})

        assert list(one) == [pointer]
        assert list(many) == [f"/jobs/1{pointer}"]


async def test_a_missing_field_is_named_by_its_own_name_whatever_the_others_are_called(caller: Caller) -> None:
    camel = {"characterName": "x" * 41, "backgroundColor": "no colour", "prompt": "x", "title": "x"}

    found = await refused(caller, IMAGES, camel)
    empty = await refused(caller, IMAGES, {})

    assert set(found) == {"/characterName", "/backgroundColor", "/attribute", "/rarity"}
    assert set(empty) == {f"/{name}" for name in REQUEST}


async def test_what_is_found_after_the_model_is_named_as_it_was_sent_too(caller: Caller) -> None:
    job = await caller.submit()
    source = await refused(caller, IMAGES, REQUEST | {"sourceImageId": "0" * 8 + "-0000-7000-8000-" + "0" * 12})
    file = await refused(
        caller, f"{EXECUTIONS}/{job['id']}/artifacts", {"fileName": "x", "fileSize": 1, "executionId": "0" * 8 + "-0000-7000-8000-" + "0" * 12}
    )  # fmt: skip
    patch = await faults(
        await caller.http.patch(f"{EXECUTIONS}/{job['id']}", json={"version": 1, "inputTokens": 1, "outputTokens": 1, "tokensUsed": 3})
    )  # fmt: skip
    no_version = await faults(await caller.http.patch(f"{EXECUTIONS}/{job['id']}", json={"podName": "x"}))

    assert list(source) == ["/sourceImageId"]
    assert list(file) == ["/executionId"]
    assert list(patch) == ["/tokensUsed"]
    assert list(no_version) == ["/version"]


MISSPELT = [
    (EXECUTIONS, {"promt": "x"}, "prompt"),
    (EXECUTIONS, {"maxtokens": 1}, "max_tokens"),
    (EXECUTIONS, {"max-tokens": 1}, "max_tokens"),
    (EXECUTIONS, {"timeut": 1}, "timeout_seconds"),
    (EXECUTIONS, {"Model": "x"}, "model"),
    (EXECUTIONS, {"callback": "x"}, "callback_url"),
    (IMAGES, {"charcter_name": "x"}, "character_name"),
    (IMAGES, {"color": "x"}, "background_color"),
]


async def test_a_misspelt_field_names_the_nearest_and_the_list(caller: Caller) -> None:
    for path, sent, meant in MISSPELT:
        good = GOOD if path == EXECUTIONS else REQUEST
        (name,) = sent

        for found in (
            await refused(caller, path, good | sent),
            await refused(caller, f"{path}:batch", {"jobs": [good | sent]}),
        ):
            detail = next(detail for pointer, detail in found.items() if pointer.endswith(f"/{name}"))
            assert f"did you mean {meant}?" in detail
            assert all(field in detail for field in CreateJob.model_fields)


async def test_what_resembles_nothing_gets_the_list_alone(caller: Caller) -> None:
    detail = (await refused(caller, EXECUTIONS, GOOD | {"zzz": 1}))["/zzz"]

    assert "did you mean" not in detail
    assert "Fields: scheduled_at, priority" in detail


async def test_a_misspelt_field_of_an_object_inside_is_named_with_its_own_list(caller: Caller) -> None:
    resources = await refused(caller, EXECUTIONS, GOOD | {"resources": {"memry": "1"}})
    effects = await refused(caller, IMAGES, REQUEST | {"effects": {"foyl": "none", "x-mine": 1}})
    nested = await refused(caller, f"{IMAGES}:batch", {"jobs": [REQUEST | {"style": {"grian": True}}]})

    assert "did you mean memory? Fields: cpu, memory, ephemeral_storage" in resources["/resources/memry"]
    assert "did you mean foil?" in effects["/effects/foyl"]
    assert "begin with x-" in effects["/effects/foyl"]
    assert "did you mean grain?" in nested["/jobs/0/style/grian"]


async def test_the_servers_own_fields_are_told_as_such_in_either_spelling(caller: Caller) -> None:
    found = await refused(caller, EXECUTIONS, GOOD | {"status": "RUNNING", "userId": "x", "version": 2})

    assert set(found) == {"/status", "/userId", "/version"}
    assert all("is the server's own" in detail for detail in found.values())


async def test_a_field_by_two_of_its_names_is_told_as_that(caller: Caller) -> None:
    found = await refused(caller, EXECUTIONS, GOOD | {"maxTokens": 1, "max_tokens": 1})

    assert found == {"/max_tokens": "is given by another of its names too"}


async def test_a_wrong_name_in_an_object_of_names_is_told_from_a_wrong_value(caller: Caller) -> None:
    job = await caller.submit()
    tags = {"a" * 65: "x", "b": "x" * 257}

    found = await refused(
        caller, f"{EXECUTIONS}/{job['id']}/artifacts", {"file_name": "x", "file_size": 1, "tags": tags}
    )

    assert set(found) == {f"/tags/{'a' * 65}", "/tags/b"}
    assert found[f"/tags/{'a' * 65}"].startswith("its name: ")
    assert "its name" not in found["/tags/b"]


FILTERS = [
    ("phase=nonsense", "?phase", '"nonsense": Input should be'),
    ("phase=queued&phase=nonsense", "?phase", '"nonsense"'),
    ("phase=queued,nonsense", "?phase", '"nonsense"'),
    ("status=RUNING", "?status", '"RUNING" is none of RUNNING, PENDING'),
    ("pageSize=0", "?pageSize", "greater than or equal to 1"),
    ("page_size=x", "?page_size", "whole number"),
    ("sortBy=nothing", "?sortBy", "created_at"),
    ("createdAfter=now", "?createdAfter", "RFC 3339"),
    ("pag=2", "?pag", "did you mean page?"),
    ("sort=status", "?sort", "did you mean sort_by?"),
    ("pagesize=2", "?pagesize", "did you mean page_size?"),
    ("page_size=2&pageSize=2", "?page_size", "another of its names"),
    ("limit=2", "?limit", "Fields: status, phase"),
    ("page=1&page=2", "?page", "once"),
]


async def test_a_parameter_is_named_as_it_was_sent_and_its_wrong_value_is_shown(caller: Caller) -> None:
    for query, pointer, told in FILTERS:
        for path in ("/v1/jobs", EXECUTIONS):
            found = await faults(await caller.http.get(f"{path}?{query}"))

            assert list(found) == [pointer]
            assert told in found[pointer]


OTHERS = [
    ("/v1/events", "phase=nonsense", "?phase", '"nonsense": Input should be'),
    ("/v1/events", "phase=queued,nonsense", "?phase", '"nonsense"'),
    ("/v1/events", "kind=execution,imges", "?kind", '"imges" is none of images, executions'),
    ("/v1/events", "status=PENDNG", "?status", '"PENDNG" is none of PENDING'),
    ("/v1/events", "job=x", "?job", '"x" is not a canonical UUID'),
    ("/v1/events", "jobs=x", "?jobs", "did you mean job? Parameters: kind, job, phase, status"),
    ("/v1/summary", "kind=x", "?kind", "this route takes no query parameters"),
    ("/v1/usage_stats", "frm=2026-01-01", "?frm", "did you mean from?"),
    ("/v1/generated_images", "pageSize=0", "?pageSize", "greater than"),
]


async def test_parameters_of_other_routes_are_told_as_well(caller: Caller) -> None:
    for path, query, pointer, told in OTHERS:
        found = await faults(await caller.http.get(f"{path}?{query}"))

        assert list(found) == [pointer]
        assert told in found[pointer]


async def test_a_parameter_on_a_route_that_takes_none_is_named(caller: Caller) -> None:
    found = await refused(caller, f"{EXECUTIONS}?wait=1", GOOD)

    assert found == {"?wait": "this route takes no query parameters"}


async def test_no_name_however_long_or_odd_breaks_the_search_for_a_near_one(caller: Caller) -> None:
    found = await refused(caller, EXECUTIONS, GOOD | {"p" * 100_000: 1, "a/b~c": 1, "": 1, "promptプロンプト": 1})

    assert set(found) == {f"/{'p' * 100}", "/a~1b~0c", "/", "/promptプロンプト"}


async def test_an_address_of_no_kind_names_the_kinds_the_nearest_first(caller: Caller) -> None:
    for path, named in (
        ("execution", "executions, images"),
        ("image:batch", "images, executions"),
        ("x/y/z", "executions, images"),
    ):
        for call in (caller.http.get, caller.http.post):
            answer = await call(f"/v1/{path}")

            assert (answer.status_code, answer.json()["kinds"]) == (404, named.split(", "))
            assert f"Known kinds: {named}." in answer.json()["detail"]
    for path in ("/v1/executions/x/y", "/v1/summary/x", "/v1", "/v2/executions", "/execution"):
        assert "kinds" not in (await caller.http.get(path)).json(), path
