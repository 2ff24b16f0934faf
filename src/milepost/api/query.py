"""The query parameters of lists, as models: one for all kinds, and one per kind with the filters of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError
from starlette.types import Scope

from milepost.api.problems import Problem, shorten
from milepost.api.validation import fault, invalid_query
from milepost.domain.ids import SHORT
from milepost.domain.machine import Phase
from milepost.domain.nearest import nearest_first
from milepost.engine.kind import Kind
from milepost.kinds.requests import CANONICAL, Moment, PlainText
from milepost.kinds.told import Told, whole

Query = TypeVar("Query", bound=BaseModel)

DEEPEST_ROW = 10_000
MOST_PARAMETERS = 100
ZEROS = re.compile(r"-?0[0-9]+", re.ASCII)
SEVERAL = frozenset({"status", "phase"})
CURSOR = re.compile("[A-Za-z0-9_-]+")
SORTED = ("created_at", "finished_at", "status")
SORTS = {"completed_at": "finished_at", "completedAt": "finished_at", "finishedAt": "finished_at",
         "createdAt": "created_at"}  # fmt: skip


def _uuid(value: Any) -> Any:
    if not CANONICAL.fullmatch(value):
        raise PydanticCustomError("invalid_id", "must be a canonical UUID")
    return value


def _sort(value: str) -> str:
    value = SORTS.get(value, value)
    if value not in SORTED:
        raise PydanticCustomError("invalid_filter", "must be created_at, finished_at or status")
    return value


def _cursor(value: str) -> str:
    if not CURSOR.fullmatch(value):
        raise PydanticCustomError("invalid_cursor", "is not one of ours")
    return value


def _boolean(value: Any) -> bool:
    if value not in {"true", "false"}:
        raise PydanticCustomError("invalid_filter", "must be true or false")
    return value == "true"


def whole_number(value: Any) -> Any:
    _check_syntax(value)
    if not (value.isascii() and value.isdigit()) or len(value) > 18:
        raise PydanticCustomError("out_of_range", "must be a whole number within its bounds")
    return int(value)


def _check_syntax(value: str) -> None:
    """As in JSON: what no reader takes for a number there is malformed, and only then in or out of its bounds."""
    if ZEROS.fullmatch(value):
        raise PydanticCustomError("bad_request", "must be a number without zeros before it")


def _signed(value: Any) -> Any:
    _check_syntax(value)
    return -whole_number(value[1:]) if value.startswith("-") else whole_number(value)


Cursor = Annotated[str, AfterValidator(_cursor), Told(pattern=whole(CURSOR.pattern))]
CanonicalId = Annotated[UUID, BeforeValidator(_uuid), Told(pattern=whole(CANONICAL.pattern))]
Number = Annotated[int, BeforeValidator(whole_number)]
Flag = Annotated[bool, BeforeValidator(_boolean)]
TYPES: Mapping[str, Any] = {
    "INTEGER": Number,
    "BIGINT": Number,
    "SMALLINT": Number,
    "BOOLEAN": Flag,
    "UUID": CanonicalId,
}


class Parameters(BaseModel):
    """What every list takes."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    status: list[str] | None = Field(None, description="In one of these. Given several times, or together with commas.")
    phase: list[Phase] | None = Field(
        None, description="In one of these. Given several times, or together with commas."
    )
    created_after: Moment | None = Field(None, description="Submitted then or later.")
    created_before: Moment | None = Field(None, description="Submitted before that.")
    finished_after: Moment | None = Field(None, description="Ended then or later; only jobs that have ended.")
    finished_before: Moment | None = Field(None, description="Ended before that; only jobs that have ended.")
    priority: Annotated[int, Field(ge=-100, le=100), BeforeValidator(_signed)] | None = Field(
        None, description="With exactly this priority."
    )
    user_id: CanonicalId | None = Field(None, description="Whose; one who sees only what is his own sees no others'.")
    short_id: str | None = Field(
        None, pattern=f"^{SHORT.pattern}$", description="The last 8 hex digits of the id, which several jobs may share."
    )
    error_code: PlainText | None = Field(
        None, min_length=1, max_length=100, description="`UNKNOWN` finds what failed without a code, too."
    )
    search: PlainText | None = Field(
        None, min_length=3, max_length=200,
        description="A literal part of its texts or error code. A whole id, its last 8 hex digits or a job's name "
        "finds that job alone.",
    )  # fmt: skip
    page: Number = Field(1, ge=1, le=DEEPEST_ROW, description="Up to row 10,000; beyond it `next_cursor` leads on.")
    page_size: Number = Field(20, ge=1, le=100, description="How many a page may have.")
    sort_by: Annotated[str, AfterValidator(_sort), Told(enum=[*SORTED, *SORTS])] = Field(
        "created_at", description="By what; equal ones by their ids. All but the first three are other names of those."
    )
    sort_order: Literal["asc", "desc"] = Field("desc", description="Newest first is `desc`.")
    cursor: Cursor | None = Field(
        None, max_length=500, description="Instead of a page: `next_cursor` of the page before."
    )

    def filters(self) -> dict[str, Any]:
        """What decides which jobs come and in which order, but not where this page begins."""
        return self.model_dump(mode="json", exclude={"page", "page_size", "cursor"}, exclude_none=True)


def parameters_of(kinds: Sequence[Kind]) -> type[Parameters]:
    """With the statuses of these kinds; of one kind alone its own filters too, typed as its columns are."""
    statuses = dict.fromkeys(status for kind in kinds for status in kind.machine.phases)
    told = Told(items={"type": "string", "enum": list(statuses)})
    several: Any = Annotated[list[str], AfterValidator(_each_of(list(statuses))), told]
    inherited = Parameters.model_fields["status"].description
    own: dict[str, Any] = {"status": (several | None, Field(None, description=inherited))}
    kind = kinds[0]
    for name in kind.filters if len(kinds) == 1 else ():
        column: Any = Flag if name == "has_artifacts" else TYPES.get(kind.table.types[name], _text(kind, name))
        own[name] = (column | None, Field(None, description=_meaning(kind, name)))
    return create_model(f"{kind.name.title().replace('_', '')}Parameters", __base__=Parameters, **own)


def _each_of(known: Sequence[str]) -> Callable[[list[str]], list[str]]:
    def check(values: list[str]) -> list[str]:
        for value in values:
            if value not in known:
                told = {"value": shorten(value), "known": ", ".join(nearest_first(value, known))}
                raise PydanticCustomError("invalid_filter", "{value} is none of {known}", told)
        return values

    return check


def _meaning(kind: Kind, name: str) -> str:
    if name == "has_artifacts":
        return "Whether it has a file that is not deleted."
    return f"Exactly this. {kind.table.table.columns[name].doc or ''}".rstrip()


def _text(kind: Kind, name: str) -> Any:
    length = kind.table.types[name].removeprefix("VARCHAR(").removesuffix(")")
    return Annotated[PlainText, Field(min_length=1, max_length=int(length) if length.isdigit() else 200)]


def parse(scope: Scope, model: type[Query]) -> Query:
    """The query string as a valid `model`. Raises Problem."""
    try:
        pairs = parse_qsl(
            scope["query_string"].decode("ascii"),
            keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS,
        )  # fmt: skip
    except UnicodeDecodeError:
        raise Problem("invalid-text", "The query string is not UTF-8, percent-encoded.") from None
    except ValueError:
        raise Problem("too-many-items", f"A query string may have at most {MOST_PARAMETERS} parameters.") from None
    try:
        return model.model_validate(_gathered(pairs))
    except ValidationError as error:
        raise invalid_query(error, model) from None


def _gathered(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in SEVERAL:
            found.setdefault(name, []).extend(value.split(","))
        elif name in found:
            raise fault("invalid-filter", f"?{name[:100]}", "may be given once")
        else:
            found[name] = value
    return found


class Waiting(BaseModel):
    """What reading one job takes."""

    model_config = ConfigDict(extra="forbid")

    wait: Number = Field(0, ge=0, le=30, description="Seconds to wait for a change of the job; 304 if there is none.")
