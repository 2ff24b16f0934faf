"""How long the state machine looks: the same examples every time, or, when asked, other ones for longer."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, Phase, settings

NAME = "MILEPOST_MODEL_EXAMPLES"
"""With this set to a number, so many random examples are tried; a failing one prints how to repeat it."""

NO_CHECK: Any = list(HealthCheck)  # they watch the speed of drawing, and here a step is a dozen statements
COMMON = settings(deadline=None, stateful_step_count=50, suppress_health_check=NO_CHECK, database=None, print_blob=True)
SAME = settings(COMMON, max_examples=60, derandomize=True)
WANTED = int(os.environ.get(NAME, "0"))
PROFILE = settings(COMMON, max_examples=WANTED, derandomize=False) if WANTED else SAME
# for what must be found: the example need not be small
BROKEN = settings(SAME, max_examples=150, phases=(Phase.generate,), report_multiple_bugs=False)
