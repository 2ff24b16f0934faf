"""Whose fault an error of the database is: the row's, or the server's; and whether the server's passes.

Source: PostgreSQL 18, Appendix A, error codes. Only classes 22 (data) and 23 (constraints) and what our own triggers raise
(MP) blame what was written. Everything else would have happened to any row: whoever sent it keeps it and comes back.
"""

from __future__ import annotations

import asyncpg

from milepost.domain.errors import Unavailable

READS_ONLY = "25006"
ROW = ("22", "23", "MP")
# a moment later the same statement may succeed
PASSING = ("08", "25", "26", "28", "3D", "40", "53", "55", "57", "58", "72")
PASSING_KINDS: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.InvalidCachedStatementError,  # a migration changed a table under a prepared statement
)
# rights, tables and columns: they would be refused to any row
OF_ALL_ROWS = ("42", "3F")
# after these the statement is known not to have happened
UNDONE = (READS_ONLY, "40001", "40P01", "55P03", "0A000")
# after these no connection of the pool is worth another try: the server stops, is no primary any more, or was replaced
LEAVE = ("08", READS_ONLY, "26", "57P0")
LEAVE_KINDS = (OSError, TimeoutError, asyncpg.InterfaceError)

SETTING = "MILEPOST_DATABASE_URL"
# by the longest beginning of the code: what is wrong, and what to do
CAUSES: dict[str, tuple[str, str | None]] = {
    "08": ("the connection broke", None),
    READS_ONLY: ("it only reads", "A standby? Name the primary in {setting}, or all hosts with target_session_attrs=read-write."),
    "26": ("it forgets prepared statements", "A pooler stands before it: set MILEPOST_POOLER=true."),
    "28": ("it refuses the login", "Look at user and password in {setting}, and at the login's rights."),
    "3D": ("there is no such database", "Look at {setting}, or run 'milepost migrate'."),
    "3F": ("a schema is missing", "Run 'milepost migrate'."),
    "40": ("others were faster", None),
    "42": ("its tables are not those of this release", "Run 'milepost migrate'."),
    "42501": ("the login lacks a right", "Run 'milepost migrate', which gives the rights."),
    "53": ("it lacks resources", None),
    "53100": ("its disk is full", "Make room on its disk."),
    "53200": ("it is out of memory", None),
    "53300": ("it has no connection left", "Raise max_connections, or put a pooler before it."),
    "54": ("the statement is too large for it", None),
    "55": ("something is in use", None),
    "55P03": ("a lock is held for too long", "Look for long transactions in pg_stat_activity."),
    "57": ("it was interrupted", None),
    "57014": ("it took too long", None),
    "57P01": ("it is shutting down", None),
    "57P03": ("it is starting, or a standby that takes no connections", None),
    "58": ("its system failed", "Look at its log."),
    "XX": ("it failed inside", "Look at its log."),
}  # fmt: skip


def code_of(error: BaseException) -> str:
    """SQLSTATE; empty for what no server said. Of hosts none of which can write, what each of them would answer."""
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return READS_ONLY
    return getattr(error, "sqlstate", None) or ""


def is_the_rows(error: BaseException) -> bool:
    """Whether what was written is to blame: the database said so, or the driver could not encode it."""
    return code_of(error).startswith(ROW) or (
        isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)
    )


def is_the_servers(error: BaseException) -> bool:
    return not is_the_rows(error) and isinstance(error, (asyncpg.PostgresError, *PASSING_KINDS))


def may_be_of_one_row(error: BaseException) -> bool:
    """Whether others of its group may be written without it: an index entry that is too large is the server's limit."""
    return is_the_rows(error) or not (passes(error) or code_of(error).startswith(OF_ALL_ROWS))


def passes(error: BaseException) -> bool:
    """Whether the same may succeed a moment later, without anybody's doing."""
    return is_the_servers(error) and (isinstance(error, PASSING_KINDS) or code_of(error).startswith(PASSING))


def is_undone(error: BaseException) -> bool:
    return code_of(error) in UNDONE


def spoils_the_pool(error: BaseException) -> bool:
    return isinstance(error, LEAVE_KINDS) or code_of(error).startswith(LEAVE)


def fault_of(error: BaseException, setting: str = SETTING) -> Unavailable | None:
    """The server's fault in the words of the house; None where it is somebody else's."""
    if isinstance(error, Unavailable):
        return error
    return unavailable(error, setting) if is_the_servers(error) else None


def unavailable(error: BaseException, setting: str = SETTING) -> Unavailable:
    """What is wrong, never an address or what the server quoted. `setting`: the one that names the server."""
    told, hint = _cause(error)
    hint = (hint or "The request may be repeated.").format(setting=setting)
    return Unavailable(f"PostgreSQL is not available: {told}.", hint=hint, why=told, code=code_of(error))


def _cause(error: BaseException) -> tuple[str, str | None]:
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return "no host of its address can write", "None is a primary at this moment: promote one, or see {setting}."
    code = code_of(error)
    for length in (5, 4, 2):
        if known := CAUSES.get(code[:length]):
            return known
    if code:
        return f"it answers {code}", "Look at its log."
    if isinstance(error, TimeoutError):
        return "it does not answer in time", None
    return "it cannot be reached", None
