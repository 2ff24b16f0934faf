"""The requests about executions, with the bounds of each field."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, Field, StrictBool
from pydantic_core import PydanticCustomError

from milepost.kinds.requests import CreateJob, Moment, PlainText, Strict, ahead, within_json
from milepost.kinds.told import NOT_BLANK, Told, whole

PROMPT_BYTES = 1024 * 1024
QUANTITY = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,3})?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
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


Quantity = Annotated[str, Told(pattern=whole(QUANTITY.pattern))]


class ResourceConfig(Strict):
    """What a runner in its own process or pod should get; advice to the built-in worker."""

    cpu: Annotated[Quantity, quantity(64)] | None = Field(
        default=None, description="Cores, as a Kubernetes quantity above 0, at most 64.", examples=["500m"]
    )
    memory: Annotated[Quantity, quantity(256 * 2.0**30)] | None = Field(
        default=None, description="Bytes, as a Kubernetes quantity above 0, at most 256Gi.", examples=["512Mi"]
    )
    ephemeral_storage: Annotated[Quantity, quantity(2.0**40)] | None = Field(
        default=None, description="Bytes on disk, as a Kubernetes quantity above 0, at most 1Ti.", examples=["2Gi"]
    )


class CreateExecution(CreateJob):
    """One prompt for one model. `timeout_seconds` limits one attempt."""

    prompt: Annotated[PlainText, AfterValidator(prompt_text), Told(pattern=NOT_BLANK, minLength=1, maxLength=PROMPT_BYTES)] = Field(
        examples=["Why do birds sing at dawn?"], description="What the model is to answer; at most 1 MiB of UTF-8."
    )  # fmt: skip
    model: PlainText | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="One of the active models; a wrong name is answered with their list. Without it, what the settings say.",
    )
    max_tokens: int = Field(default=4096, ge=1, le=200_000, description="The longest answer, in the model's tokens.")
    metadata: Annotated[dict[str, Any], within_json(16 * 1024)] | None = Field(
        default=None, description="Anything of yours, kept and shown with the job: at most 16 KiB of JSON, 32 deep."
    )
    timeout_seconds: int = Field(
        default=600,
        ge=1,
        le=86_400,
        validation_alias=AliasChoices("timeout_seconds", "timeoutSeconds", "timeout"),
        description="For one attempt.",
    )
    resources: ResourceConfig | None = Field(
        default=None, description="What a runner in its own process or pod should get."
    )
    retain_until: Annotated[Moment, AfterValidator(ahead)] | None = Field(
        default=None,
        description="Kept until then, a time that must be ahead; without it 30 days after its end. Its files go with it.",
    )
    is_permanent: StrictBool = Field(default=False, description="Never cleaned up, whatever `retain_until` says.")
