"""What operators and remote runners may write into an execution, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool

from milepost.db.job_table import JobTable, as_json
from milepost.db.rows import fetch
from milepost.db.statements import runner_lease
from milepost.db.tenants import TenantDatabase
from milepost.domain.job import Job
from milepost.kinds.executions.cost import cost
from milepost.kinds.requests import Moment, PlainText, Strict, ahead, within_json
from milepost.kinds.told import Told

OUTPUT_BYTES = 256 * 1024
RETENTION = frozenset({"retain_until", "is_permanent"})
TOKENS = ("input_tokens", "output_tokens", "tokens_used")
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]


class UpdateExecution(Strict):
    """What is to change. `null` means "as it is", but for `retain_until`, which it clears.

    The owner may change `retain_until` and `is_permanent`; the rest is for operators and remote runners, and an execution that
    has ended takes those two alone.
    """

    version: int | None = Field(
        default=None, ge=1, le=2**31 - 1, description="The version that the caller knows: here, as If-Match, or both."
    )
    status: Literal["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"] | None = Field(
        default=None,
        description="A legal edge from the present status. RUNNING takes the job and its lease, which every later report"
        " renews; PENDING is reached by retry alone.",
    )
    pod_name: PlainText | None = Field(default=None, min_length=1, max_length=255, description="Where it runs.")
    output: Annotated[PlainText, Told(maxLength=OUTPUT_BYTES)] | None = Field(
        default=None, description="The answer, at most 256 KiB of UTF-8; a longer one is uploaded as an artifact."
    )
    tokens_used: Count | None = Field(default=None, description="The sum of both counts below.")
    input_tokens: Count | None = Field(default=None, description="Of all attempts so far; may not fall.")
    output_tokens: Count | None = Field(default=None, description="Of all attempts so far; may not fall.")
    error_code: str | None = Field(
        default=None, pattern=r"^[A-Z][A-Z0-9_]{0,99}$", description="Of a failure, for programs."
    )
    error_message: PlainText | None = Field(default=None, max_length=2000, description="Of a failure, for people.")
    error_details: Annotated[dict[str, Any], within_json(16 * 1024)] | None = Field(
        default=None, description="Of a failure, for whoever looks into it: at most 16 KiB of JSON."
    )
    retain_until: Annotated[Moment, AfterValidator(ahead)] | None = Field(
        default=None, description="Kept until then, a time that must be ahead; null: 30 days after its end."
    )
    is_permanent: StrictBool | None = Field(default=None, description="Never cleaned up, whatever `retain_until` says.")

    @property
    def given(self) -> frozenset[str]:
        """The fields that would change something."""
        named = {name for name in self.model_fields_set if getattr(self, name) is not None}
        return frozenset((named | (self.model_fields_set & {"retain_until"})) - {"version"})


class UpdateRefused(Exception):
    """A value that does not go with the row: which problem, where, why."""

    def __init__(self, slug: str, pointer: str, detail: str) -> None:
        super().__init__(slug, pointer, detail)


async def changed_columns(database: TenantDatabase, job: Job, request: UpdateExecution) -> Mapping[str, Any]:
    """The columns that the request writes, token totals and cost worked out. Raises UpdateRefused, Unavailable."""
    names = request.given - {"status", "error_details", *TOKENS}
    columns = {name: getattr(request, name) for name in names}
    if request.error_details is not None:
        columns["error_details"] = as_json(request.error_details)
    if request.given & set(TOKENS):
        columns |= totals(job, request)
        columns["estimated_cost"] = await _cost(database, job, columns)
    return columns


def totals(job: Job, request: UpdateExecution) -> dict[str, int | None]:
    """Counts are totals over all attempts: they never fall, and the whole is the sum of its parts. Raises UpdateRefused."""
    merged = {name: job[name] if getattr(request, name) is None else getattr(request, name) for name in TOKENS}
    parts = (merged["input_tokens"], merged["output_tokens"])
    if None not in parts:
        if request.tokens_used not in {None, sum(parts)}:
            raise UpdateRefused("validation-failed", "/tokens_used", f"must be the sum of its parts, {sum(parts)}")
        merged["tokens_used"] = sum(parts)
    for name in TOKENS:
        if (merged[name] or 0) < (job[name] or 0):
            raise UpdateRefused("out-of-range", f"/{name}", f"is a total and may not fall below {job[name]}")
    if (merged["tokens_used"] or 0) > 2**31 - 1:
        raise UpdateRefused("out-of-range", "/tokens_used", "is larger than the column holds")
    return merged


async def _cost(database: TenantDatabase, job: Job, columns: Mapping[str, Any]) -> Decimal | None:
    sql = "SELECT cost_per_1k_input_tokens, cost_per_1k_output_tokens FROM llm_models WHERE model_name = $1"
    rows = await fetch(database, sql, job["model"])
    prices = rows[0] if rows else (None, None)
    if columns["input_tokens"] is None or columns["output_tokens"] is None:
        return job["estimated_cost"]  # a whole of unknown parts has no price
    return cost(columns["input_tokens"], columns["output_tokens"], prices[0], prices[1])


async def write(database: TenantDatabase, table: JobTable, job: Job, columns: Mapping[str, Any], actor: str) -> bool:
    """Writes columns without a transition, fenced by the version; renews the lease that `actor` holds.

    Retention is somebody's wish, not a runner's report, and leaves an audit row. False: the version is another one.
    """
    names = [name for name in table.types if name in columns]
    sets = [f"{name} = ${index}::{table.types[name]}" for index, name in enumerate(names, 4)]
    sets.append(f"lease_expires_at = CASE WHEN lease_owner = $3 THEN {runner_lease(table)} ELSE lease_expires_at END")
    rising = [
        f"({name} IS NULL OR {name} <= ${names.index(name) + 4})" for name in TOKENS if columns.get(name) is not None
    ]
    audited = bool(RETENTION & set(names))
    sql = f"""
WITH written AS (
    UPDATE {table.name} SET {", ".join(sets)}
    WHERE {" AND ".join(["id = $1", "version = $2", *rising])} RETURNING *),
audit AS (
    INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor)
    SELECT coalesce(user_id::text, 'system'), '{table.kind}.retention_changed', '{table.kind}', id::text, $3
    FROM written WHERE {str(audited).lower()})
SELECT id FROM written"""  # noqa: S608 - names come from the table, never from a request
    return bool(await fetch(database, sql, job.id, job.version, actor, *(columns[name] for name in names)))
