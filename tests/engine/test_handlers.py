"""Whatever a handler does, returns or raises ends its own attempt with a cause that names it, and touches no neighbour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from milepost.db.tenants import TenantDatabase
from milepost.domain.errors import IllegalTransition, ValueRefused
from milepost.domain.job import Job
from milepost.domain.outcome import Again, Cancelled, Done, Failed, HandedBack, TimedOut
from milepost.domain.transition import Effect, EffectStatement
from milepost.engine.attempt import Stop
from milepost.engine.context import Context
from tests.engine.desks import Bench, Handler, bench
from tests.factories import Bells

HERE = "test_handlers.py:"


class Odd(BaseException):
    """Of no family."""


class Mute(Exception):
    """Tells nothing of itself."""

    def __str__(self) -> str:
        raise SystemExit(7)

    __repr__ = __str__


class Nameless(type):
    @property
    def __name__(cls) -> str:
        raise SystemExit(7)


class Hidden(Exception, metaclass=Nameless):
    """Whose class cannot be named."""


def raising(make: Any) -> Handler:
    async def handler(_: Job, __: Context) -> Any:
        raise make()

    return handler


async def recursing(_: Job, __: Context) -> Any:
    def deeper() -> int:
        return deeper() + 1

    return deeper()


async def in_a_task_group(_: Job, __: Context) -> Any:
    async def child() -> None:
        raise ValueError

    async with asyncio.TaskGroup() as group:
        group.create_task(child())


async def in_a_thread(_: Job, __: Context) -> Any:
    def exits() -> None:
        raise SystemExit(3)

    await asyncio.to_thread(exits)


async def in_a_generators_end(_: Job, __: Context) -> Any:
    async def numbers() -> AsyncGenerator[int]:
        try:
            yield 1
        finally:
            raise KeyboardInterrupt

    async for _number in (found := numbers()):
        break
    await found.aclose()


RAISED: dict[str, tuple[Handler, str]] = {
    "ValueError": (raising(ValueError), "raised ValueError at " + HERE),
    "SystemExit": (raising(SystemExit), "raised SystemExit at " + HERE),
    "KeyboardInterrupt": (raising(KeyboardInterrupt), "raised KeyboardInterrupt at " + HERE),
    "GeneratorExit": (raising(GeneratorExit), "raised GeneratorExit at " + HERE),
    "of no family": (raising(Odd), "raised Odd at " + HERE),
    "group": (raising(lambda: BaseExceptionGroup("x", [SystemExit(1), Odd()])), "BaseExceptionGroup (SystemExit, Odd)"),
    "MemoryError": (raising(MemoryError), "raised MemoryError at " + HERE),
    "StopIteration": (raising(StopIteration), "raised RuntimeError at " + HERE),
    "StopAsyncIteration": (raising(StopAsyncIteration), "raised StopAsyncIteration at " + HERE),
    "megabytes of text": (raising(lambda: ValueError("x" * 50_000_000)), "raised ValueError at " + HERE),
    "a name of megabytes": (raising(type("N" * 1_000_000, (Exception,), {})), "raised NNNNN"),
    "NUL and surrogates": (raising(lambda: ValueError("\0\ud800")), "raised ValueError at " + HERE),
    "no text": (raising(Mute), "raised Mute at " + HERE),
    "no name": (raising(Hidden), "an exception that cannot be shown"),
    "recursion": (recursing, "raised RecursionError at " + HERE),
    "in a task group": (in_a_task_group, "raised ExceptionGroup (ValueError) at " + HERE),
    "in a thread": (in_a_thread, "raised SystemExit at " + HERE),
    "in a generator's end": (in_a_generators_end, "raised KeyboardInterrupt at " + HERE),
}


@pytest.mark.parametrize("how", RAISED)
async def test_what_is_raised_ends_its_own_attempt_and_is_named(database: TenantDatabase, how: str) -> None:
    handler, told = RAISED[how]
    wrong = await bench(database, handler, max_attempts=1)

    job = await wrong.run()

    assert (job.status, job["error_code"], job.attempt) == ("FAILED", "INTERNAL", 1)
    assert told in job["error_message"]
    assert await wrong.unharmed()


async def cancels_itself(_: Job, __: Context) -> Any:
    task = asyncio.current_task()
    assert task
    task.cancel()
    await asyncio.sleep(1)


async def cancels_itself_often(_: Job, __: Context) -> Any:
    task = asyncio.current_task()
    assert task
    for _time in range(3):
        task.cancel()
    await asyncio.sleep(1)


async def cancels_a_child(_: Job, __: Context) -> Any:
    child = asyncio.create_task(asyncio.sleep(1))
    child.cancel()
    await child


CANCELLED: dict[str, Handler] = {
    "raised": raising(asyncio.CancelledError),
    "itself": cancels_itself,
    "itself three times": cancels_itself_often,
    "a child": cancels_a_child,
}


@pytest.mark.parametrize("how", CANCELLED)
async def test_a_cancellation_that_nobody_here_asked_for_uses_up_the_attempt(
    database: TenantDatabase, how: str
) -> None:
    bells = Bells()
    wrong = await bench(database, CANCELLED[how], bells=bells)

    job = await wrong.run()

    assert (job.status, job.attempt, job["status_reason"]) == ("PENDING", 1, "retry_attempt")
    assert job["error_message"] == (
        f"The handler was cancelled (CancelledError at {job['error_message'].partition(' at ')[2].partition(')')[0]}),"
        " and nobody here asked for it."
    )
    assert HERE in job["error_message"]
    assert bells.rung[0].due_at is not None
    assert await wrong.unharmed()


async def test_work_that_is_done_counts_although_its_handler_cancelled_itself(database: TenantDatabase) -> None:
    """The cancellation would strike the house's own write of the result."""

    async def handler(_: Job, __: Context) -> Done:
        task = asyncio.current_task()
        assert task
        task.cancel()
        return Done({"output": "done"})

    wrong = await bench(database, handler)

    assert ((await wrong.run()).status, await wrong.unharmed()) == ("COMPLETED", True)


def returning(answer: Any) -> Handler:
    async def handler(_: Job, ctx: Context) -> Any:
        ctx.keep({"input_tokens": 7, "output_tokens": 1, "tokens_used": 8})
        return answer

    return handler


def plain(_: Job, __: Context) -> Done:
    return Done()


async def generating(_: Job, __: Context) -> Any:
    yield Done()


class Unreadable(Mapping[str, Any]):
    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        raise SystemExit(7)

    def __len__(self) -> int:
        raise SystemExit(7)


CYCLE: list[Any] = []
CYCLE.append(CYCLE)
STATEMENT = EffectStatement("x", "SELECT $1::uuid[], $2::integer[]")
RETURNED: dict[str, tuple[Any, str]] = {
    "nothing": (returning(None), "returned None (is a 'return' missing?). A handler returns Done, Failed, Again or"),
    "a dict": (returning({"output": "x"}), "returned a dict."),
    "a str": (returning("done"), "returned a str."),
    "bytes": (returning(b"done"), "returned a bytes."),
    "an int": (returning(10**10_000), "returned an int."),
    "a cycle": (returning(CYCLE), "returned a list."),
    "a hundred megabytes": (returning("x" * 100_000_000), "returned a str."),
    "an exception": (returning(ValueError("x")), "returned a ValueError."),
    "the class": (returning(Done), "returned the class Done itself, not an instance of it."),
    "another class": (returning(int), "returned the class int itself"),
    "an engine's": (returning(HandedBack()), "returned HandedBack, which only the engine makes."),
    "another of the engine's": (returning(TimedOut()), "returned TimedOut, which only the engine makes."),
    "no async def": (plain, "is no 'async def': called, it gave a Done, which nobody can await."),
    "a generator": (generating, "is no 'async def': called, it gave an async_generator"),
    "no message": (returning(Failed("X", None)), "Failed whose message is None"),  # type: ignore[arg-type]
    "no code": (returning(Failed(None, "x")), "Failed whose code is None"),  # type: ignore[arg-type]
    "a low code": (returning(Failed("no such", "x")), "a code that is not UPPER_SNAKE"),
    "a long code": (returning(Failed("X" * 101, "x")), "of at most 100 characters"),
    "retry by name": (returning(Failed("X", "x", retry="yes")), "whose retry is a str, not bool"),  # type: ignore[arg-type]
    "a wait in seconds": (returning(Again(5, "X", "x")), "Again whose wait is an int, not timedelta"),  # type: ignore[arg-type]
    "a wait that is none": (returning(Failed("X", "x", wait="1s")), "not timedelta or None"),  # type: ignore[arg-type]
    "columns that are none": (returning(Done(None)), "Done whose columns is None"),  # type: ignore[arg-type]
    "columns in a list": (returning(Done([("output", "x")])), "whose columns is a list, not Mapping"),  # type: ignore[arg-type]
    "no such column": (returning(Done({"nosuch": 1})), "executions has no column 'nosuch'"),
    "a column's name": (returning(Done({1: 1})), "a column's name is no str"),  # type: ignore[dict-item]
    "the engine's column": (returning(Done({"lease_owner": "me"})), "executions.lease_owner is written by the engine"),
    "the version": (returning(Failed("X", "x", columns={"version": 9})), "executions.version is written by the engine"),
    "a wrong type": (returning(Done({"output": 7})), "output takes a str, not int"),
    "a number too large": (returning(Done({"input_tokens": 2**31})), "input_tokens holds numbers from"),
    "no JSON": (returning(Done({"error_details": '{"a": NaN}'})), "error_details is not JSON"),
    "too deep": (returning(Done({"error_details": "[" * 10_000 + "]" * 10_000})), "error_details is nested too deeply"),
    "what the table refuses": (returning(Done({"output": "x" * 300_000})), "ck_executions_output"),
    "effects that are none": (returning(Done(effects=(1,))), "Done with effects that are none"),  # type: ignore[arg-type]
    "an effect of nothing": (returning(Done(effects=(Effect(None, ()),))), "Done with effects that are none"),  # type: ignore[arg-type]
    "effects in a list": (returning(Done(effects=[])), "whose effects is a list, not tuple"),  # type: ignore[arg-type]
    "an effect that fails": (returning(Done(effects=(Effect(STATEMENT, ("one",)),))), "could not be stored"),
    "no such end": (returning(Done(reason="nosuch")), "the reason 'nosuch', which is no way to succeed from RUNNING"),
    "a way back": (returning(Done(reason="handed_back")), "no way to succeed from RUNNING"),
    "a snooze": (returning(Done(reason="snoozed")), "no way to succeed from RUNNING"),
    "what cannot be read": (returning(Done(Unreadable())), "returned something that cannot be read (SystemExit)"),
}  # fmt: skip


@pytest.mark.parametrize("what", RETURNED)
async def test_a_wrong_answer_is_refused_at_once_and_named(database: TenantDatabase, what: str) -> None:
    handler, told = RETURNED[what]
    wrong = await bench(database, handler)

    job = await wrong.run()

    assert (job.status, job["error_code"], job.attempt) == ("FAILED", "RESULT_REFUSED", 1)
    assert told in job["error_message"]
    assert job["tokens_used"] == (None if handler in (plain, generating) else 8)
    assert await wrong.unharmed()
    assert wrong.desk.counts["rejected"] == 0


SAID: dict[str, tuple[Any, str]] = {
    "NUL": ("a\0b", "a\N{REPLACEMENT CHARACTER}b"),
    "a lone surrogate": ("a\ud800b", "a?b"),
    "megabytes": ("x" * 10_000_000, "x" * 2000),
}


@pytest.mark.parametrize("what", SAID)
async def test_what_a_handler_says_of_its_failure_is_made_fit_to_be_stored(database: TenantDatabase, what: str) -> None:
    said, stored = SAID[what]
    wrong = await bench(database, returning(Failed("BROKEN", said)))

    job = await wrong.run()

    assert (job.status, job["error_code"], job["error_message"]) == ("FAILED", "BROKEN", stored)
    assert await wrong.unharmed()


@pytest.mark.parametrize(
    "outcome", [Failed("BUSY", "x", retry=True, wait=timedelta.max), Again(timedelta.max, "BUSY", "x")], ids=["failed", "again"]
)  # fmt: skip
async def test_a_wait_beyond_all_time_is_the_end(database: TenantDatabase, outcome: Any) -> None:
    wrong = await bench(database, returning(outcome))

    job = await wrong.run()

    assert (job.status, job["error_code"]) == ("FAILED", "BUSY")


# ------------------------------------------------------------------------------------------------ while it is stopped

STOPPED: dict[Stop, tuple[str, int, str, str | None]] = {
    "timeout": ("FAILED", 1, "timed_out", "TIMEOUT"),
    "hand_back": ("PENDING", 0, "handed_back", None),
    "cancel": ("CANCELLED", 1, "cancelled", None),
}
INSTEAD: dict[str, tuple[Any, str]] = {
    "raises": (ValueError("x"), f"the handler raised ValueError at {HERE}"),
    "exits": (SystemExit(3), f"the handler raised SystemExit at {HERE}"),
    "returns nothing": (None, "The handler returned None"),
    "returns a class": (Done, "The handler returned the class Done"),
    "returns a wrong column": (Done({"nosuch": 1}), "executions has no column 'nosuch'"),
    "fails": (Failed("BROKEN", "x"), "the handler returned Failed BROKEN when it was stopped"),
    "fails for now": (Failed("BROKEN", "x", retry=True), "the handler returned Failed BROKEN when it was stopped"),
    "gives in": (Cancelled(), "the handler returned Cancelled when it was stopped"),
}


async def stop(wrong: Bench, how: Stop) -> None:
    wrong.wrong.stop(how)


@pytest.mark.parametrize("how", STOPPED)
@pytest.mark.parametrize("instead", INSTEAD)
async def test_a_stop_stays_what_it_is_and_what_the_handler_did_instead_is_noted(
    database: TenantDatabase, how: Stop, instead: str
) -> None:
    deed, noted = INSTEAD[instead]
    begun = asyncio.Event()

    async def handler(_: Job, ctx: Context) -> Any:
        ctx.keep({"input_tokens": 7, "output_tokens": 1, "tokens_used": 8})
        try:
            begun.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if isinstance(deed, BaseException):
                raise deed from None
            return deed

    wrong = await bench(database, handler)
    running = asyncio.create_task(wrong.run())
    await begun.wait()
    if how == "cancel":
        await database.ledger.request_cancel(wrong.wrong.kind.table, wrong.wrong.job.id, 2, "key:test")
    wrong.wrong.stop(how)
    job = await running

    status, attempt, reason, code = STOPPED[how]
    heard = how == "cancel" and isinstance(deed, Failed | Cancelled)  # its word, and what it says that it used
    used = None if heard else 8
    assert (job.status, job.attempt, job["error_code"], job["tokens_used"]) == (status, attempt, code, used)
    assert job["status_reason"].partition(" ")[0] == reason
    assert noted in job["status_reason"] or heard
    assert await wrong.unharmed()


@pytest.mark.parametrize("how", STOPPED)
async def test_work_that_is_done_beats_every_stop(database: TenantDatabase, how: Stop) -> None:
    begun = asyncio.Event()

    async def handler(_: Job, __: Context) -> Any:
        try:
            begun.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return Done({"output": "just in time"})

    wrong = await bench(database, handler)
    running = asyncio.create_task(wrong.run())
    await begun.wait()
    wrong.wrong.stop(how)

    assert ((await running).status, await wrong.unharmed()) == ("COMPLETED", True)


# ---------------------------------------------------------------------------------------------------- with its context

MISUSED: dict[str, tuple[Any, type[BaseException], str]] = {
    "no such column": (lambda ctx: ctx.note({"nosuch": 1}), ValueRefused, "executions has no column 'nosuch'"),
    "a wrong type": (lambda ctx: ctx.note({"output": b"x"}), ValueRefused, "output takes a str, not bytes"),
    "the engine's": (lambda ctx: ctx.note({"status": "COMPLETED"}), ValueRefused, "executions.status is written by"),
    "the lease": (lambda ctx: ctx.note({"lease_owner": "me"}), ValueRefused, "executions.lease_owner is written by"),
    "no columns": (lambda ctx: ctx.note(None), TypeError, ""),
    "a list of names": (lambda ctx: ctx.note(["output"]), ValueError, ""),
    "progress as a str": (lambda ctx: ctx.progress("fifty"), ValueError, ""),
    "no progress": (lambda ctx: ctx.progress(None), TypeError, ""),
    "progress that is no number": (lambda ctx: ctx.progress(float("nan")), ValueError, ""),
    "infinite progress": (lambda ctx: ctx.progress(float("inf")), OverflowError, ""),
    "a stage that is none": (lambda ctx: ctx.progress(1, 7), TypeError, ""),
    "a stage with NUL": (lambda ctx: ctx.progress(1, "\0"), ValueRefused, "stage holds no NUL character"),
    "no such status": (lambda ctx: ctx.move("NOSUCH"), IllegalTransition, "cannot become NOSUCH"),
    "no reason": (lambda ctx: ctx.move("COMPLETED", reason=None), IllegalTransition, "cannot become COMPLETED"),
    "to an end": (lambda ctx: ctx.move("COMPLETED", reason="completed"), IllegalTransition, "cannot become COMPLETED"),
    "back to the queue": (lambda ctx: ctx.move("PENDING", reason="handed_back"), IllegalTransition, "become PENDING"),
    "with wrong columns": (lambda ctx: ctx.move("RUNNING", columns={"nosuch": 1}), ValueRefused, "has no column"),
    "too many words": (lambda ctx: ctx.progress(1, "a", "b"), TypeError, ""),
    "a port of all": (lambda ctx: ctx.ports.clear(), AttributeError, ""),
    "keeps a wrong column": (lambda ctx: ctx.keep({"nosuch": 1}), ValueRefused, "executions has no column 'nosuch'"),
    "keeps nothing": (lambda ctx: ctx.keep(None), TypeError, ""),
}


@pytest.mark.parametrize("how", MISUSED)
async def test_a_context_that_is_used_wrongly_says_so_to_its_handler_alone(database: TenantDatabase, how: str) -> None:
    use, kind, told = MISUSED[how]
    seen: list[BaseException] = []

    async def handler(_: Job, ctx: Context) -> Any:
        try:
            work = use(ctx)
            if asyncio.iscoroutine(work):
                await work
        except kind as error:
            seen.append(error)
            raise

    wrong = await bench(database, handler, max_attempts=1)

    job = await wrong.run()

    assert told in str(seen[0])
    assert (job.status, job["error_code"], HERE in job["error_message"]) == ("FAILED", "INTERNAL", True)
    assert told in job["error_message"]
    assert await wrong.unharmed()


async def test_progress_may_be_a_fraction_of_a_percent(database: TenantDatabase) -> None:
    async def handler(_: Job, ctx: Context) -> Any:
        await ctx.progress(33.3)
        return Failed("ENOUGH", "x")

    assert (await (await bench(database, handler)).run())["progress"] == 33


async def test_columns_that_change_after_they_were_given_change_nothing(database: TenantDatabase) -> None:
    async def handler(_: Job, ctx: Context) -> Any:
        columns: dict[str, Any] = {"stage": "as given"}
        noting = asyncio.create_task(ctx.note(columns))
        await asyncio.sleep(0)
        columns["nosuch"] = 1
        await noting
        return Failed("ENOUGH", "x")

    wrong = await bench(database, handler)

    assert ((await wrong.run())["stage"], await wrong.unharmed()) == ("as given", True)


async def test_what_a_handler_left_behind_can_write_nothing_more(database: TenantDatabase) -> None:
    left: list[asyncio.Task[None]] = []

    async def handler(_: Job, ctx: Context) -> Any:
        over = asyncio.Event()

        async def late() -> None:
            await over.wait()
            await ctx.note({"output": "too late"})

        left.append(asyncio.create_task(late()))
        asyncio.get_running_loop().call_later(0.2, over.set)
        return Done({"output": "in time"})

    wrong = await bench(database, handler)
    job = await wrong.run()
    await asyncio.wait(left)

    assert (job["output"], left[0].cancelled()) == ("in time", True)
    assert (await wrong.now(wrong.wrong))["output"] == "in time"


async def test_a_context_in_another_event_loop_is_refused_and_spoils_no_group(database: TenantDatabase) -> None:
    async def handler(_: Job, ctx: Context) -> Any:
        await ctx.note({"stage": "here"})
        await asyncio.to_thread(asyncio.run, ctx.note({"stage": "there"}))

    wrong = await bench(database, handler, max_attempts=1)

    job = await wrong.run()

    assert (job["stage"], job["error_code"]) == ("here", "INTERNAL")
    assert "RuntimeError" in job["error_message"]
    assert await wrong.unharmed()
