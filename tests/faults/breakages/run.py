"""Runs the command `milepost` with one thing broken: `python -P tests/faults/breakages/run.py NAME worker executions`.

Refuses where the product no longer has what the breakage takes away.
"""

from __future__ import annotations

import sys
from importlib import import_module

from milepost.cli.app import main
from tests.faults.breakages import known


def run(name: str, *arguments: str) -> None:
    import_module(f"tests.faults.breakages.{known(name)}").apply()
    sys.stderr.write(f"broken on purpose: {name}\n")
    sys.stderr.flush()
    main(arguments)


if __name__ == "__main__":
    run(*sys.argv[1:])
