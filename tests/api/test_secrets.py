"""One key, sent in every place where somebody might put it: afterwards it stands nowhere but in the caller's hands."""

from __future__ import annotations

import logging
from dataclasses import asdict, is_dataclass
from typing import Any

import pytest

from milepost.cli.face import desk_of
from milepost.dashboard.app import routes
from milepost.observe import configure_logging
from milepost.settings import Settings
from tests.api_fixtures import House
from tests.dashboard.conftest import Browser

PATH = "/v1/executions"


async def test_a_key_shows_in_no_answer_log_row_metric_or_repr(
    house: House, owner: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caller = await house.caller()
    key, anybody = caller.key, house.client()
    house.app.router.routes.extend(routes(desk_of(house.deps)))
    browser = Browser(house.client(), caller)
    job = await caller.submit()

    answers = [
        await caller.http.post(PATH, json={"prompt": "x", "nonsense": 1}),
        await caller.http.get(f"{PATH}/nothing"),
        await caller.http.get(f"{PATH}?key=1"),
        await caller.http.post(f"{PATH}/{job['id']}/cancel", json={"reason": "enough"}),
        await anybody.get(PATH, headers={"Authorization": f"Basic {key}"}),
        await anybody.get(PATH, headers={"Cookie": f"key={key}"}),
        await anybody.get(PATH, headers={"Authorization": f"Bearer {key}x"}),
        await anybody.get("/metrics"),
        await anybody.get("/openapi.json"),
        await browser.send("/sign-in", "/sign-in", key=key),
        await browser.send("/sign-in", "/sign-in", key=key + "x"),
        await browser.http.get("/"),
        await browser.http.get(f"/jobs/{job['id']}"),
    ]
    tables = await owner.fetch("SELECT quote_ident(relname) AS name FROM pg_class c WHERE relkind IN ('r', 'p')"
                               " AND relnamespace = 'public'::regnamespace")  # fmt: skip
    rows = [row[0] for table in tables for row in await owner.fetch(f"SELECT t::text FROM {table['name']} t")]
    keys = [await house.redis.dump(name) or b"" for name in await house.redis.keys("*")]

    assert not any(key in answer.text + str(answer.headers) for answer in answers)
    assert key not in caplog.text
    assert len(rows) > 5
    assert not any(key in row for row in rows)
    assert not any(key.encode() in value for value in keys)
    holder = await house.app.state.doorkeeper._ring.holder(key)
    assert holder is not None
    assert is_dataclass(holder)
    assert key not in repr(holder) + repr(caller.http.headers) + str(asdict(house.deps.limits))


@pytest.mark.parametrize("style", ["text", "json"])
def test_secrets_that_slip_into_a_message_or_an_exception_are_masked(
    style: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = {
        "sk_" + "Q7" * 24 + "q": "an API key", "sk-ant-" + "x9" * 20: "a provider's key", "hunter2hunter2": "a password",
        "eyJhbGciOi.payload.mac": "a token",
    }  # fmt: skip
    root, handlers, level = logging.getLogger(), logging.getLogger().handlers[:], logging.getLogger().level
    try:
        configure_logging(style)
        for secret in secrets:
            text = f"postgresql://app:{secret}@db/x" if "hunter" in secret else f"Bearer {secret}"
            error = RuntimeError(text)
            logging.getLogger("milepost.test").error("it failed with %s", text, exc_info=error)
    finally:
        root.handlers[:], root.level = handlers, level
    said = capsys.readouterr().err

    assert said.count("it failed") == len(secrets)
    assert [name for secret, name in secrets.items() if secret in said] == []


async def test_who_was_not_let_in_stands_in_the_log_on_one_line_whatever_the_path_holds(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reader = await house.caller("job:read")
    await house.client().get(f"{PATH}/%0aINFO%20all%20is%20well")
    await house.client().get(PATH)
    refused = await reader.http.post(PATH, json={"prompt": "x"})

    told = [record.getMessage() for record in caplog.records if record.name == "milepost.api"]
    assert refused.status_code == 403
    assert [("unauthorized" in line, "insufficient-scope" in line) for line in told] == [(True, False)] * (
        len(told) - 1
    ) + [(False, True)]
    assert len(told) >= 2
    assert not any("\n" in line for line in told)
    assert "127.0.0.1" in told[-1]


def test_settings_show_stars_for_every_secret() -> None:
    secret = "app:hunter2@db/x"
    names = [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]
    given = {name: f"{'redis' if name == 'redis_url' else 'postgresql'}://{secret}" for name in names}
    settings = Settings.model_validate(given)

    assert len(names) >= 12
    assert "hunter2" not in repr(settings) + str(settings) + str(settings.model_dump()) + settings.model_dump_json()
