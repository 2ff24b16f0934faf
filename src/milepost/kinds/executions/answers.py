"""How an execution is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from milepost.domain.job import Job

JSON_COLUMNS = ("metadata", "error_details", "resources")


def shown(job: Job) -> Mapping[str, Any]:
    """Every column; JSON as values, the cost as a number of at most six decimals."""
    row = dict(job.row.items())
    for name in JSON_COLUMNS:
        if isinstance(row[name], str):
            row[name] = orjson.loads(row[name])
    if row["estimated_cost"] is not None:
        row["estimated_cost"] = float(row["estimated_cost"])
    return row
