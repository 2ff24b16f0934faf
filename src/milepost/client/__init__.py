"""The typed Python client: submits jobs over HTTP, waits for them, watches them."""

from __future__ import annotations

from milepost.client.client import Client
from milepost.client.errors import ApiError, NoStack, NoSuchKind, StillOpen, Unreachable, Unsendable
from milepost.client.records import Artifact, Event, Execution, Job, Page, Transition

__all__ = [
    "ApiError",
    "Artifact",
    "Client",
    "Event",
    "Execution",
    "Job",
    "NoStack",
    "NoSuchKind",
    "Page",
    "StillOpen",
    "Transition",
    "Unreachable",
    "Unsendable",
]
