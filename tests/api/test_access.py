"""Keys: who is let in, for how long, to do what; and that no key shows anywhere."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from milepost.db.tenants import TenantDatabase
from milepost.domain.api_key import Key, hash_key, make_key, parse_key
from milepost.domain.errors import ScopesRefused, UserNotFound
from milepost.engine.api_keys import KeyRing, create_key, ensure_user, list_keys, revoke_key
from tests.api.conftest import Hire, Person

PATH = "/v1/executions"
NOBODY = UUID("01a1fd40-d36a-735c-a2d8-45984e76e2db")


def test_a_key_names_its_tenant_and_a_typing_error_is_seen_in_it() -> None:
    key = make_key(bytes(range(32)))
    foreign = make_key(bytes(range(32)), "acme")

    assert (len(key.text), key.text[:3], key.prefix) == (52, "sk_", key.text[:8])
    assert foreign.text == key.text + ".acme"
    assert parse_key(key.text) == key
    assert parse_key(foreign.text) == foreign
    for place in range(len(key.text)):
        wrong = "0" if key.text[place] != "0" else "1"
        assert parse_key(key.text[:place] + wrong + key.text[place + 1 :]) is None
    for text in ("", "sk_", key.text[:-1], key.text + "x", key.text + ".", key.text + ".default", key.text + ".A",
                 key.text + "\n", " " + key.text, key.text.lower()):  # fmt: skip
        assert parse_key(text) is None


def test_the_smallest_and_greatest_chance_make_keys_of_the_same_form() -> None:
    for chance in (b"\x00" * 32, b"\xff" * 32):
        assert parse_key(make_key(chance).text) is not None


def test_a_pepper_makes_another_hash_and_a_key_hides_in_its_repr() -> None:
    key = make_key(secrets.token_bytes(32))

    assert hash_key(key.text) != hash_key(key.text, b"pepper") != hash_key(key.text, b"other")
    assert key.text not in repr(key)
    assert key.text not in f"{Key(key.text, 'default')!r}"


@pytest.mark.parametrize(
    "scheme",
    ["bearer ", "BEARER ", "bEaReR ", "Bearer  ", " Bearer ", "Bearer {key} ", "Bearer {key}\t ", "bearer   {key}  "],
)
async def test_a_scheme_is_read_in_any_case_and_blanks_are_no_part_of_a_key(
    caster: Person, anybody: Any, scheme: str
) -> None:
    sent = scheme.format(key=caster.key) if "{" in scheme else scheme + caster.key

    assert (await anybody.get(PATH, headers={"Authorization": sent})).status_code == 200


async def test_every_key_that_does_not_work_is_answered_alike(
    caster: Person, anybody: Any, owner: Any, hire: Hire, database: TenantDatabase
) -> None:
    async def fresh() -> Person:
        return await hire()

    revoked, expired, other = await fresh(), await fresh(), await fresh()
    await revoke_key(database, revoked.key_id, actor="cli:test")
    await owner.execute("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1", expired.key_id)
    unknown = make_key(secrets.token_bytes(32)).text
    bearer = {
        "missing": [], "empty": [("Authorization", "")], "malformed": [("Authorization", "Bearer sk_x")],
        "checksum": [("Authorization", f"Bearer {caster.key[:-1]}{'0' if caster.key[-1] != '0' else '1'}")],
        "unknown": [("Authorization", f"Bearer {unknown}")],
        "unknown tenant": [("Authorization", f"Bearer {make_key(bytes(32), 'acme').text}")],
        "revoked": [("Authorization", f"Bearer {revoked.key}")],
        "expired": [("Authorization", f"Bearer {expired.key}")],
        "twice": [("Authorization", f"Bearer {caster.key}"), ("Authorization", f"Bearer {other.key}")],
        "basic": [("Authorization", f"Basic {caster.key}")],
        "no blank": [("Authorization", f"Bearer{caster.key}")],
        "a tab": [("Authorization", f"Bearer\t{caster.key}")],
        "something behind": [("Authorization", f"Bearer {caster.key} x")],
        "a comma behind": [("Authorization", f"Bearer {caster.key},")],
        "quotes": [("Authorization", f'Bearer "{caster.key}"')],
        "a parameter": [("Authorization", f"Bearer key={caster.key}")],
        "no scheme": [("Authorization", caster.key)],
        "another scheme before": [("Authorization", f"Basic Bearer {caster.key}")],
        "cookie": [("Cookie", f"key={caster.key}")],
        "other header": [("X-Api-Key", caster.key)],
        "long": [("Authorization", "Bearer " + "s" * 5000)],
        "latin-1": [(b"Authorization", b"Bearer sk_\xff")],
    }  # fmt: skip
    seen = set()
    for name, headers in bearer.items():
        for method, path in (("GET", PATH), ("POST", PATH), ("GET", f"/v1/jobs/{NOBODY}")):
            answer = await anybody.request(method, path, headers=headers)
            content = answer.json()
            content.pop("instance")
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), name
            seen.add(str(content))
    in_query = await anybody.get(f"{PATH}?authorization=Bearer%20{caster.key}")

    assert len(seen) == 1
    assert in_query.status_code == 401


async def test_a_missing_scope_is_named_and_a_demoted_user_loses_scopes(
    hire: Hire, owner: Any, caster: Person, app: Any, deps: Any
) -> None:
    reader = await hire("caster", ["job:read"])
    writer = await hire("caster", ["job:submit"])
    operator = await hire("operator")

    refused = await reader.http.post(PATH, json={"prompt": "x"})
    unread = await writer.http.get(PATH)
    await owner.execute("UPDATE users SET role = 'auditor' WHERE id = $1", operator.user_id)
    demoted = await operator.http.post(PATH, json={"prompt": "x"})

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/insufficient-scope")
    assert "job:submit" in refused.json()["detail"]
    assert unread.status_code == 403
    assert demoted.status_code == 403


async def test_a_suspended_user_is_told_and_a_deleted_one_is_nobody(hire: Hire, owner: Any) -> None:
    suspended, deleted = await hire(), await hire()
    await owner.execute("UPDATE users SET status = 'suspended' WHERE id = $1", suspended.user_id)
    await owner.execute("UPDATE users SET status = 'deleted', deleted_at = now() WHERE id = $1", deleted.user_id)

    first = await suspended.http.get(PATH)
    second = await deleted.http.get(PATH)

    assert (first.status_code, first.json()["type"]) == (403, "/problems/user-inactive")
    assert second.status_code == 401


async def test_a_revocation_acts_once_the_memory_fades_and_that_is_within_five_seconds(
    hire: Hire, database: TenantDatabase, deps: Any
) -> None:
    now = 100.0
    person = await hire()
    ring = KeyRing(deps.databases, None, clock=lambda: now)

    assert await ring.holder(person.key) is not None
    await revoke_key(database, person.key_id, actor="cli:test")
    assert await ring.holder(person.key) is not None
    now += 4.9
    assert await ring.holder(person.key) is None
    await ring.aclose()


async def test_a_key_is_not_remembered_beyond_its_end(hire: Hire, owner: Any, deps: Any) -> None:
    now = 100.0
    person = await hire()
    await owner.execute("UPDATE api_keys SET expires_at = now() + interval '2 seconds' WHERE id = $1", person.key_id)
    ring = KeyRing(deps.databases, None, clock=lambda: now)

    assert await ring.holder(person.key) is not None
    await owner.execute("UPDATE api_keys SET expires_at = now() WHERE id = $1", person.key_id)
    now += 2.0
    assert await ring.holder(person.key) is None
    await ring.aclose()


async def test_use_is_noted_at_most_once_a_minute_and_a_locked_row_holds_nobody_up(
    hire: Hire, owner: Any, deps: Any
) -> None:
    async def used() -> Any:
        return await owner.fetchval("SELECT last_used_at FROM api_keys WHERE id = $1", person.key_id)

    person = await hire()
    first, second = KeyRing(deps.databases, None), KeyRing(deps.databases, None)

    await first.holder(person.key)
    await first.aclose()
    noted = await used()
    await second.holder(person.key)
    await second.aclose()
    assert noted is not None
    assert await used() == noted
    await owner.execute(
        "UPDATE api_keys SET last_used_at = $2 WHERE id = $1", person.key_id, noted - timedelta(hours=1)
    )
    third = KeyRing(deps.databases, None)
    async with owner.transaction():
        await owner.execute("SELECT 1 FROM api_keys WHERE id = $1 FOR UPDATE", person.key_id)
        assert await third.holder(person.key) is not None
        await third.aclose()
    assert await used() == noted - timedelta(hours=1)


async def test_a_key_has_no_scope_that_its_role_or_its_maker_lacks(database: TenantDatabase) -> None:
    async def make(user_id: UUID, scopes: list[str], within: frozenset[str] | None = None) -> Any:
        return await create_key(
            database, user_id=user_id, name="k", scopes=scopes, chance=secrets.token_bytes(32), pepper=None,
            actor="cli:test", within=within,
        )  # fmt: skip

    caster = await ensure_user(database, role="caster", email="C@example.com")

    assert await ensure_user(database, role="operator", email="c@example.com") == caster
    with pytest.raises(ScopesRefused, match="ops:deploy"):
        await make(caster, ["job:read", "ops:deploy"])
    with pytest.raises(ScopesRefused):
        await make(caster, ["job:submit"], frozenset({"job:read"}))
    with pytest.raises(UserNotFound):
        await make(NOBODY, ["job:read"])


async def test_keys_are_listed_without_their_hashes_and_changes_are_audited(
    caster: Person, database: TenantDatabase, owner: Any
) -> None:
    revoked = await revoke_key(database, caster.key_id, actor="cli:test")
    again = await revoke_key(database, caster.key_id, actor="cli:test")
    shown = await list_keys(database, user_id=caster.user_id)

    assert revoked is not None
    assert again == revoked == shown[0]
    assert shown[0]["status"] == "revoked"
    assert "key_hash" not in shown[0]
    assert await revoke_key(database, NOBODY, actor="cli:test") is None
    actions = await owner.fetch("SELECT action FROM audit_logs WHERE resource_id = $1 ORDER BY id", str(caster.key_id))
    assert [row[0] for row in actions] == ["api_key.created", "api_key.revoked"]


async def test_no_key_shows_in_logs_answers_or_the_database(
    caster: Person, owner: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [
        await caster.http.post(PATH, json={"prompt": "x", "nonsense": 1}),
        await caster.http.post(PATH, json={"prompt": "x"}),
        await caster.http.get(f"{PATH}/nothing"),
    ]
    rows = await owner.fetch("SELECT api_keys::text FROM api_keys UNION ALL SELECT audit_logs::text FROM audit_logs")

    assert not any(caster.key in answer.text + str(answer.headers) for answer in answers)
    assert caster.key not in caplog.text
    assert rows
    assert not any(caster.key in row[0] for row in rows)
