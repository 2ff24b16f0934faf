"""Every error the product raises on purpose, and what each carries.

MilepostError
├── JobNotFound              no such job, or not the caller's
├── StaleVersion             somebody else changed the job first
├── IllegalTransition        the machine has no such edge from the present status
├── VersionMismatch          the caller named a version that is not the present one
├── IdempotencyKeyReused     the same key came with another request
├── EffectRefused            rows that belong to a transition could not be written, so it was not made
├── RowRefused               the database refused one job's row (a CHECK, a bad value)
│   └── ValueRefused         a value that does not fit its column, found before the database was asked
├── UnknownKind              no such kind is registered here
├── UserNotFound             no such user, or not an active one
├── ScopesRefused            a key was to have scopes that its user's role does not allow
├── SearchTooSlow            a search looked at too much
├── UrlNotAllowed            a URL that we do not ask, and why
├── TooOften                 somebody asked more often than allowed
├── LineFull                 as many wait for something as may
├── Unavailable              a server cannot be reached or did not answer in time
├── SealRefused              the audit log does not go on from what was sealed and anchored
├── Unreadable               a table or column is not there, of another type, or not ours to read
├── GuardsMissing            the database does not guard what it must, or our role is too strong
└── ConfigurationError       a setting is missing or contradicts another
"""

from __future__ import annotations

from typing import Any

from milepost.domain.text import one_end


class MilepostError(Exception):
    """The root. `data` holds what the message was made of; it never holds a secret."""

    message = "Something went wrong."
    hint: str | None = None

    def __init__(self, message: str | None = None, *, hint: str | None = None, **data: Any) -> None:
        self.data = data
        self.hint = hint or self.hint
        super().__init__(one_end(message or self.message.format_map(_Lenient(data))))


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


class JobNotFound(MilepostError):
    message = "There is no job {job_id}."


class StaleVersion(MilepostError):
    message = "Job {job_id} is no longer at version {version}."


class IllegalTransition(MilepostError):
    message = "In status {status} this {kind} cannot become {wanted}."


class VersionMismatch(MilepostError):
    message = "Job {job_id} is at version {current}, not {expected}."


class IdempotencyKeyReused(MilepostError):
    message = "This idempotency key was used for another request."


class EffectRefused(MilepostError):
    message = "What belongs to job {job_id} was refused."


class RowRefused(MilepostError):
    message = "The database refused job {job_id}: {detail}."


class ValueRefused(RowRefused):
    message = "{detail}."


class UnknownKind(MilepostError):
    message = "There is no kind {kind}."


class UserNotFound(MilepostError):
    message = "There is no active user {user_id}."


class ScopesRefused(MilepostError):
    message = "A key of the role {role} cannot have {scopes}."


class SearchTooSlow(MilepostError):
    message = "The list took too long. Narrow it by status or time, or sort it by created_at."


class UrlNotAllowed(MilepostError):
    message = "The URL is not allowed: {fault}."


class TooOften(MilepostError):
    message = "Too many requests."


class LineFull(MilepostError):
    message = "{most} {what} are in hand already. Send the next when one is done."


class Unavailable(MilepostError):
    message = "{server} is not available."


class SealRefused(MilepostError):
    message = "The audit log of {log} is not sealed any further: {why}."
    hint = "'milepost audit verify' names what was changed."


class Unreadable(MilepostError):
    message = "The database {database} cannot be read: {detail}."
    hint = "'milepost migrate' makes what was never there; what was dropped or changed comes back from a backup."


class GuardsMissing(MilepostError):
    message = "The database does not guard what it must: {problem}."
    hint = (
        "Run 'milepost migrate' with the owner's connection; what is missing then, 'milepost doctor' tells how to mend."
    )


class ConfigurationError(MilepostError):
    message = "A setting is wrong."
