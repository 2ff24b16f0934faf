"""What an attempt has used so far, and what the execution will be charged with it in the books."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from milepost.domain.job import Job
from milepost.kinds.executions.cost import cost
from workers.executions.models import Model
from workers.executions.providers.port import Usage
from workers.executions.tokens import estimate_tokens


@dataclass(slots=True)
class Tally:
    """Token counts of one attempt on top of those of the attempts before it.

    Counts are the provider's own where it reported them; what is missing of an answer that broke off is estimated
    from the bytes, and marked.
    """

    job: Job
    model: Model
    prompt: str
    asked: bool = False
    reported: Usage | None = None
    received: int = 0

    def hear(self, usage: Usage) -> None:
        self.reported = usage

    def columns(self) -> Mapping[str, Any]:
        """The totals over all attempts, as the row should hold them now; empty when nothing was sent."""
        if not self.asked:
            return {}
        used_in, used_out, estimated = self._attempt()
        total_in = (self.job["input_tokens"] or 0) + used_in
        total_out = (self.job["output_tokens"] or 0) + used_out
        return {
            "input_tokens": total_in,
            "output_tokens": total_out,
            "tokens_used": total_in + total_out,
            "usage_estimated": self.job["usage_estimated"] or estimated,
            "estimated_cost": cost(total_in, total_out, self.model.input_price, self.model.output_price),
        }

    def _attempt(self) -> tuple[int, int, bool]:
        usage = self.reported or Usage(None, None)
        guess_out = -(-self.received // 4)
        used_in = estimate_tokens(self.prompt) if usage.input_tokens is None else usage.input_tokens
        used_out = guess_out if usage.output_tokens is None else usage.output_tokens
        if usage.final:
            return used_in, used_out, usage.estimated or None in (usage.input_tokens, usage.output_tokens)
        # counts that a provider gave on the way are a lower bound of what it billed
        return used_in, max(used_out, guess_out), True
