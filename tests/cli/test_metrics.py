"""A worker shows what became of its attempts."""

from __future__ import annotations

import socket
from urllib.request import urlopen

from milepost import observe


def test_a_process_without_http_of_its_own_shows_its_counts_on_loopback() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    observe.watch("milepost_attempts", "What became of this worker's attempts.", lambda: {"rejected": 3})

    observe.serve_metrics(port)

    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        shown = answer.read().decode()
    assert 'milepost_attempts_total{what="rejected"} 3.0' in shown
