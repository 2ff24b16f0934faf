"""Metrics and logs: what is counted in this process, and how its log lines look."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from milepost.domain.text import visible

REGISTRY = CollectorRegistry(auto_describe=True)

REQUESTS = Counter("milepost_http_requests", "Requests answered.", ("method", "route", "status"), registry=REGISTRY)
REQUEST_SECONDS = Histogram(
    "milepost_http_request_seconds", "Time to the answer's first byte.", ("route",), registry=REGISTRY
)
STREAMS = Gauge("milepost_streams", "Open event streams.", registry=REGISTRY)
STREAMS_CUT = Counter("milepost_streams_cut", "Streams ended because their reader was too slow.", registry=REGISTRY)
UPLOADED_BYTES = Counter("milepost_uploaded_bytes", "Bytes of artifacts received.", registry=REGISTRY)


class _Counts(Collector):
    """Counters and levels that live where they are counted, read when somebody asks."""

    def __init__(self) -> None:
        self.sources: dict[str, tuple[str, Callable[[], Mapping[str, int]]]] = {}
        self.levels: dict[str, tuple[str, Callable[[], Mapping[str, float]]]] = {}

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        for name, (meaning, read) in self.sources.items():
            family = CounterMetricFamily(name, meaning, labels=("what",))
            for what, count in read().items():
                family.add_metric((what,), count)
            yield family
        for name, (meaning, read_levels) in self.levels.items():
            gauge = GaugeMetricFamily(name, meaning, labels=("what",))
            for what, level in read_levels().items():
                gauge.add_metric((what,), level)
            yield gauge


_counts = _Counts()
REGISTRY.register(_counts)


def watch(name: str, meaning: str, read: Callable[[], Mapping[str, int]]) -> None:
    """Shows a component's own counts as one metric with the label `what`. A second call of a name replaces the first."""
    _counts.sources[name] = (meaning, read)


def watch_levels(name: str, meaning: str, read: Callable[[], Mapping[str, float]]) -> None:
    """The same for figures that rise and fall."""
    _counts.levels[name] = (meaning, read)


def exposition() -> bytes:
    """All metrics of this process in Prometheus' text format."""
    return generate_latest(REGISTRY)


def serve_metrics(port: int) -> None:
    """Shows this process's metrics on loopback, for processes that answer no HTTP otherwise."""
    start_http_server(port, addr="127.0.0.1", registry=REGISTRY)


# API keys, provider keys, passwords in URLs: whatever slips into a message
SECRETS = re.compile(
    r"(?P<kept>://[^:/@\s]+:)[^@/\s]+(?=@)|\bsk[_-][A-Za-z0-9_-]{8,}(?:\.[a-z0-9_.-]+)?|\bwhsec_[A-Za-z0-9+/=]+"
    r"|(?P<bearer>(?i:bearer)\s+)\S+"
)


def masked(text: str) -> str:
    """The text with everything that looks like a secret replaced by stars."""
    return SECRETS.sub(lambda found: f"{found['kept'] or found['bearer'] or ''}***", text)


def _mask(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {key: masked(value) if isinstance(value, str) else value for key, value in event.items()}


def _uncoloured(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    event.pop("color_message", None)  # uvicorn's same message again, for a terminal
    return event


def _visible(_: Any, __: str, line: Any) -> str:
    """What others wrote is not obeyed by the terminal that shows the log."""
    return visible(str(line))


def configure_logging(style: Literal["text", "json"] = "text", level: str = "info") -> None:
    """Every logger of the process writes one line per event to standard error, with secrets masked."""
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _uncoloured,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    text = (structlog.dev.ConsoleRenderer(colors=False), _visible)
    last = (structlog.processors.JSONRenderer(),) if style == "json" else text
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _mask,
            *last,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # a library's chatter is of use to nobody who runs jobs
    for noisy in ("httpx2", "httpcore2", "asyncio", "uvicorn.access", "arq"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
