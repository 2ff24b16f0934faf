"""The requests about executions, with the bounds of each field."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, Field, StrictBool
from pydantic_core import PydanticCustomError

from milepost.kinds.requests import CreateJob, Moment, PlainText, Strict, ahead, within_json

PROMPT_BYTES = 1024 * 1024
QUANTITY = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?", re.ASCII)
FACTORS = {None: 1.0, "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
           "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}  # fmt: skip


def prompt_text(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("invalid_text", "must not be empty or only white space")
    if len(value.encode()) > PROMPT_BYTES:
        raise PydanticCustomError("too_long", "must be at most 1 MiB of UTF-8")
    return value


def quantity(limit: float) -> AfterValidator:
    """A Kubernetes quantity (`500m`, `2`, `512Mi`) above zero and at most `limit` units."""

    def check(value: str) -> str:
        match = QUANTITY.fullmatch(value)
        amount = float(match[1]) * FACTORS[match[2]] if match else 0
        if match is None or not 0 < amount <= limit:
            raise PydanticCustomError(
                "out_of_range", "must be a Kubernetes quantity like 500m, 2 or 512Mi, within its limit"
            )
        return value

    return AfterValidator(check)


class ResourceConfig(Strict):
    """What a runner in its own process or pod should get; advice to the built-in worker."""

    cpu: Annotated[str, quantity(64)] | None = None
    memory: Annotated[str, quantity(256 * 2.0**30)] | None = None
    ephemeral_storage: Annotated[str, quantity(2.0**40)] | None = None


class CreateExecution(CreateJob):
    """One prompt for one model. `timeout_seconds` limits one attempt."""

    prompt: Annotated[PlainText, AfterValidator(prompt_text)] = Field(examples=["Why do birds sing at dawn?"])
    model: PlainText | None = Field(default=None, min_length=1, max_length=100)
    max_tokens: int = Field(default=4096, ge=1, le=200_000)
    metadata: Annotated[dict[str, Any], within_json(16 * 1024)] | None = None
    timeout_seconds: int = Field(
        default=600,
        ge=1,
        le=86_400,
        validation_alias=AliasChoices("timeout_seconds", "timeoutSeconds", "timeout"),
    )
    resources: ResourceConfig | None = None
    retain_until: Annotated[Moment, AfterValidator(ahead)] | None = None
    is_permanent: StrictBool = False
