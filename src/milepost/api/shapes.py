"""What answers look like, of every route: told by OpenAPI, checked against what is really answered by the tests."""

from __future__ import annotations

from collections.abc import Sequence

from milepost.api.schemas import (
    UUID,
    Schema,
    flag,
    items,
    moment,
    number,
    or_null,
    ref,
    row,
    text,
    thing,
)
from milepost.db.shared_tables import ARTIFACT_STATUSES, ARTIFACT_TYPES, Artifact, StatusTransition
from milepost.domain.machine import Phase
from milepost.engine.kind import HIDDEN, Kind

SECONDS_LEFT = (
    "Until the attempt under way ends, judged by its progress so far. Null before a fifth is done, after one report of"
    " progress alone, and once it takes longer than was expected."
)
LATE = "It takes longer than was expected of it, so that `seconds_left` may rise."
WARNINGS: Schema = items(
    {"type": "string"},
    "Of a submit alone: what was asked for and will not be done. At present a `callback_url`, which is kept while nothing"
    " is sent to it.",
)
PROBLEM: Schema = thing(
    "Why a request was refused (RFC 9457).",
    {
        "type": text("Which problem it is; what it means stands at this address."),
        "title": text("The same in words."),
        "status": number("The status of the answer."),
        "detail": text("What went wrong, with what to do where that is known."),
        "instance": text("The request's id, as in X-Request-Id and in the log."),
        "errors": items(
            thing(
                "One fault.",
                {
                    "pointer": text(
                        "Where: a JSON pointer into the body, `?name` for a query parameter, a header's name. In the"
                        " spelling that was sent; by the field's own name where it is missing."
                    ),
                    "detail": text("What is wrong, and what was meant where that can be guessed."),
                },
            ),
            "Every fault that was found, 50 at most.",
        ),
        "current": thing(
            "The job as it is now.",
            {"status": text("Its status."), "version": number("Its version.")},
        ),
        "kinds": items({"type": "string"}, "The kinds that there are, the nearest first, where none was named."),
        "checks": {
            "type": "object",
            "description": "Of /readyz: each part, with `ok` or what is wrong with it.",
            "additionalProperties": {"type": "string"},
        },
    },
    optional=("errors", "current", "kinds", "checks"),
)
BRIEF: Schema = thing(
    "What a key is told of a job that it may change and not read.",
    {
        "id": {**UUID, "description": "The job's id."},
        "kind": text("Its kind."),
        "status": text("Its status."),
        "version": number("Its version."),
        "warnings": WARNINGS,
    },
    optional=("warnings",),
)


def name_of(kind: Kind) -> str:
    """Execution, ScanJob: as people say it."""
    return kind.name.title().replace("_", "")


def components(kinds: Sequence[Kind]) -> dict[str, Schema]:
    """Every schema that answers refer to."""
    return {
        "Problem": PROBLEM,
        "Brief": BRIEF,
        "StatusTransition": thing("One change of a job's status.", row(StatusTransition.__table__)),
        "Artifact": _artifact(),
        **{name_of(kind): _job(kind) for kind in kinds},
    }


def any_of(kinds: Sequence[Kind]) -> Schema:
    refs = [ref(name_of(kind)) for kind in kinds]
    return refs[0] if len(refs) == 1 else {"anyOf": refs}


def or_brief(shape: Schema, brief: Schema | None = None) -> Schema:
    """The same, or what a key without a scope to read is told instead."""
    return {"anyOf": [*shape.get("anyOf", [shape]), brief or ref("Brief")]}


def page_of(shape: Schema) -> Schema:
    return thing(
        "One page of a list.",
        {
            "items": items(shape, "In the order that was asked for."),
            "page": or_null(number("Which page it is; null where a cursor or an offset led here.")),
            "page_size": number("How many a page may have."),
            "total": or_null(number("How many there are in all: exact up to 10,000, null beyond.")),
            "next_cursor": or_null(text("What leads to the next page; null at the end.")),
        },
    )


def listed(shape: Schema, description: str) -> Schema:
    return thing("All of them.", {"items": items(shape, description)})


def batch() -> Schema:
    return thing(
        "Many jobs at once.",
        {
            "ids": items(UUID, "Their ids, in the order of the request."),
            "count": number("How many."),
            "warnings": WARNINGS,
        },
        optional=("warnings",),
    )


def why() -> Schema:
    lease = thing(
        "The lease on a running job.",
        {
            "by": text("Who holds it."),
            "since": moment("When the attempt began."),
            "expires_at": moment("When it ends unless it is renewed."),
            "expired": flag("Whether that has passed."),
        },
    )
    reasons = ("not_due", "queued", "backing_off", "no_worker", "leased", "paused", "cancel_requested", "ended")
    return thing(
        "Why a job is not running, or what it is doing.",
        {
            "id": {**UUID, "description": "The job's id."},
            "kind": text("Its kind."),
            "reason": text("For programs.", enum=list(reasons)),
            "text": text("The same for people."),
            "status": text("Its status."),
            "version": number("Its version."),
            "due_at": or_null(moment("When it may run, where it waits.")),
            "ahead": or_null(number("Due jobs that go before it, exact up to 10,000.")),
            "ahead_more": flag("Whether there are more than that."),
            "lease": {"anyOf": [lease, {"type": "null"}], "description": "Who holds it, where it runs."},
            "attempt": number("Which attempt this is."),
            "max_attempts": number("After so many attempts it has failed."),
            "error_code": or_null(text("What went wrong last, for programs.")),
            "error_message": or_null(text("What went wrong last, for people.")),
            "cancel_requested_at": or_null(moment("When it was asked to stop.")),
            "workers": or_null(number("Living workers that can run it; null where Redis does not answer.")),
        },
    )


def summary() -> Schema:
    count = thing(
        "The jobs in one status.",
        {
            "phase": _phase(),
            "count": number("How many, up to `counted_up_to`."),
            "more": flag("Whether there are more than that."),
        },
    )
    kind = thing(
        "The jobs of one kind.",
        {
            "statuses": _by(count, "By status."),
            "oldest_due_seconds": {
                "type": ["number", "null"],
                "description": "How long the oldest due job has waited; null where none waits.",
            },
            "leases": thing(
                "Leases on running jobs.",
                {"held": number("Still good."), "expired": number("Run out: somebody was lost.")},
            ),
            "failed_last_hour": thing(
                "What failed within the hour.",
                {"by_code": _by(number("How many."), "By error code."), "more": flag("Whether there are more.")},
            ),
        },
    )
    return thing(
        "How many jobs are where.",
        {
            "whose": text("Whose jobs are counted.", enum=["all", "own"]),
            "counted_up_to": number("No status is counted any further."),
            "kinds": _by(kind, "By kind."),
        },
    )


def _by(shape: Schema, description: str) -> Schema:
    return {"type": "object", "additionalProperties": shape, "description": description}


def _phase() -> Schema:
    return text("The same in the words that all kinds share.", enum=[phase.value for phase in Phase])


def _artifact() -> Schema:
    columns = row(Artifact.__table__)
    columns["type"]["enum"], columns["status"]["enum"] = list(ARTIFACT_TYPES), list(ARTIFACT_STATUSES)
    names = ("id", "file_name", "file_path", "file_size", "mime_type", "checksum", "type", "status", "created_at",
             "expires_at", "archived_at", "tags")  # fmt: skip
    upload = text("Of an announced file alone: where its bytes are to be sent, by PUT.")
    shown = {"execution_id": columns["job_id"], **{name: columns[name] for name in names}, "upload_url": upload}
    return thing("A job's file.", shown, optional=("upload_url",))


def _job(kind: Kind) -> Schema:
    always: dict[str, Schema] = {
        "id": UUID,
        "kind": {"const": kind.name, "description": "Its kind."},
        "phase": _phase(),
        "title": text("One line by which people know the job."),
        **{name: shape for name, shape in row(kind.table.table).items() if name not in HIDDEN},
    }
    always["status"]["enum"] = list(kind.machine.phases)
    sometimes: dict[str, Schema] = {
        "seconds_left": or_null(number(f"{SECONDS_LEFT} Not in lists.")),
        "late": flag(f"{LATE} Not in lists."),
        "status_transitions": items(ref("StatusTransition"), "Every change of its status, in order. Not in lists."),
        "artifacts": items(ref("Artifact"), "Its files. Not in lists."),
        "warnings": WARNINGS,
    }
    if "output" in always:
        found = {**or_null(UUID), "description": "The artifact that holds an answer too long for `output`."}
        always["output_artifact_id"] = found
    return thing(f"A job of the kind `{kind.name}`.", {**always, **sometimes}, optional=tuple(sometimes))
