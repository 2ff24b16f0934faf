"""What producers do: submit, submit again, cancel, retry."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from uuid_utils.compat import uuid7

from milepost.db.submits import Submitted
from milepost.domain.errors import IdempotencyKeyReused, IllegalTransition, JobNotFound, VersionMismatch
from milepost.domain.machine import Phase
from milepost.engine.cancel import cancel
from milepost.engine.kind import Kind
from milepost.engine.retry import retry
from milepost.engine.submit import new_job, submit
from tests.kinds.conftest import sample
from tests.model.model import Model
from tests.model.stage import PRODUCER, RUNS, SOME_JOB, SOME_KIND, WAITS, Life, Stage, when

MOST_MORE = 4
# how far the version that a caller names is from the present one; None: it names none
GUESS = st.sampled_from([None, None, 0, 0, 1])


class Asking(Stage):
    @property
    def has_room(self) -> bool:
        return len(self.lives) < len(self.kinds) + MOST_MORE

    @initialize(most=st.integers(1, 3))
    def begin(self, most: int) -> None:
        """No example without a job of every kind."""
        for number in range(len(self.kinds)):
            self.submit(number, "a", most, later=False, twice=False)

    @precondition(lambda self: self.has_room)
    @rule(
        kind=SOME_KIND,
        key=st.sampled_from([None, "a", "b"]),
        most=st.integers(1, 3),
        later=st.sampled_from([False, False, True]),
        twice=st.booleans(),
    )
    def submit(self, kind: int, key: str | None, most: int, *, later: bool, twice: bool) -> None:
        chosen = self.kind(kind)
        due = datetime.now(UTC) + timedelta(hours=1) if later else None
        request = chosen.request.model_validate(sample(chosen) | {"max_attempts": most, "scheduled_at": due})
        user_id: UUID = self.house.run(self.house.owner.fetchval("INSERT INTO users DEFAULT VALUES RETURNING id"))
        self._asked(chosen, user_id, key, request, 2 if twice and key else 1)

    @rule(job=SOME_JOB, same=st.booleans())
    def submit_again(self, job: int, *, same: bool) -> None:
        """The same caller comes with the same key: it gets the job that it has, unless it asks for something else."""
        life = self.job(job)
        request = life.request if same else life.request.model_copy(update={"priority": life.request.priority + 1})
        there = self.taken.get((life.kind.name, life.user_id, life.key)) if life.key else None
        if there is None or there.model is None:
            if self.has_room:
                self._asked(life.kind, life.user_id, life.key, request)
            return
        try:
            answer = self.house.run(self._submit("api", life.kind, life.user_id, life.key, request))
            told = answer.created, answer.id, there.request
            assert told == (False, there.id, request), "a key stands for one request"
        except IdempotencyKeyReused:
            assert request != there.request

    @rule(job=SOME_JOB, guess=GUESS)
    def cancel(self, job: int, guess: int | None) -> None:
        model = self._called(cancel, self.job(job, *WAITS, *RUNS), guess)
        if model is not None and model.status == model.machine.queued:
            model.go(model.machine.cancelled)
        elif model is not None and model.holder:
            model.asked = True

    @when(Phase.FAILED, Phase.CANCELLED)
    @rule(job=SOME_JOB, guess=GUESS)
    def retry(self, job: int, guess: int | None) -> None:
        life = self.job(job, Phase.FAILED, Phase.CANCELLED)
        model = life.model
        ends = {model.machine.failed, model.machine.timed_out, model.machine.cancelled} if model else set()
        try:
            model = self._called(retry, life, guess, self.house.doorbell)
        except IllegalTransition:
            assert model is not None
            assert model.status not in ends
            return
        if model is not None:
            assert model.status in ends
            model.retry()
            retention = life.kind.policy.retention
            life.aged = life.aged and retention is not None and retention.since == "created_at"

    def _called(self, verb: Any, life: Life, guess: int | None, *more: Any) -> Model | None:
        """The model if the verb was let through."""
        version = None if guess is None or life.model is None else life.model.version + guess
        database = self.house.databases["api"]
        try:
            self.house.run(verb(database, life.kind, life.id, *more, actor=PRODUCER, expected_version=version))
        except VersionMismatch:
            assert guess == 1
            return None
        except JobNotFound:
            assert life.model is None
            return None
        assert guess != 1 or life.model is None
        return life.model

    def _asked(self, kind: Kind, user_id: UUID, key: str | None, request: Any, times: int = 1) -> Life:
        """Submits a job that must be new, from several processes at once if so often."""
        answers = self.house.run(self._at_once(kind, user_id, key, request, times))
        created = [answer for answer in answers if answer.created]
        assert len(created) == 1
        assert {answer.id for answer in answers} == {created[0].id}
        model = Model(kind.machine, request.max_attempts, request.scheduled_at is None)
        model.go(kind.machine.queued)
        model.owner = self.fates.get(user_id, "active")
        life = Life(kind, created[0].id, user_id, key, request, model)
        self.lives[life.id] = life
        if key:
            self.taken[kind.name, user_id, key] = life
        return life

    async def _at_once(self, kind: Kind, user_id: UUID, key: str | None, request: Any, times: int) -> list[Submitted]:
        sides = ("api", "w1")[:times]
        return await asyncio.gather(*(self._submit(side, kind, user_id, key, request) for side in sides))

    async def _submit(self, side: str, kind: Kind, user_id: UUID, key: str | None, request: Any) -> Submitted:
        new = new_job(kind, request, ids=uuid7, actor=PRODUCER, user_id=user_id, idempotency_key=key)
        return await submit(self.house.databases[side], kind, new, self.house.doorbell)
