"""Asks whether a pinned release has a known hole: 0 none has, 1 some have or the lock cannot be read, 3 nobody to ask.

A service that cannot be reached is no finding about the code, so `make check` goes on after a 3; but it is no clean bill
either, and is never taken for one: `make audit` ends with it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LOCKS = [Path(__file__).resolve().parents[1] / name for name in ("requirements.lock", "requirements-dev.lock")]
CLEAN, VULNERABLE, NOT_AUDITED = 0, 1, 3
SERVICES = ("pypi", "osv")
# what was looked at and does not concern us: the advisory's id, and why
ACCEPTED: Mapping[str, str] = {}
# a release and, indented below it, its hashes
PIN = re.compile(r"^[A-Za-z0-9].*(?:\n[ \t]+.*)*", re.MULTILINE)
UNREACHED = re.compile(r"connect|timed? ?out|resolve|service ?error", re.IGNORECASE)


class NotAudited(Exception):
    """Nobody could be asked, and why."""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lock", type=Path, nargs="+", default=LOCKS)
    options.add_argument("--osv-url", help="ask this OSV service alone")
    given = options.parse_args()
    told: list[str] = []
    for service in SERVICES if given.osv_url is None else ("osv",):
        ask = ["-s", service, *(["--osv-url", given.osv_url] if given.osv_url else [])]
        try:
            return show(audited(given.lock, ask))
        except NotAudited as error:
            told.append(f"{service}: {error}")
    print(f"NOT AUDITED: no service of advisories could be asked ({'; '.join(told)}).", file=sys.stderr)
    print("Nothing is known about holes in the dependencies: run 'make audit' where one answers.", file=sys.stderr)
    return NOT_AUDITED


def audited(locks: Sequence[Path], ask: Sequence[str]) -> list[Any]:
    """Every package with its advisories. Raises NotAudited.

    One is asked about first: a service that is not there says so at once. A package that a service does not know is
    not cleared by it; but holes found in others are told first.
    """
    pins = [pin for lock in locks for pin in PIN.findall(lock.read_text())]
    _all_known(report(pins[:1], ask))
    packages = report(pins, ask)
    if not any(package.get("vulns") for package in packages):
        _all_known(packages)
    return packages


def _all_known(packages: Sequence[Any]) -> None:
    if unknown := [package["name"] for package in packages if "skip_reason" in package]:
        raise NotAudited(f"does not know {', '.join(unknown[:3])}{' and others' if len(unknown) > 3 else ''}")


def report(pins: Sequence[str], ask: Sequence[str]) -> list[Any]:
    """Of those pins. Raises NotAudited where the service cannot be reached."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pins))
        file.flush()
        command = [sys.executable, "-m", "pip_audit", "-r", file.name, "--require-hashes", "--disable-pip"]
        command += ["-f", "json", "--desc", "off", "--progress-spinner", "off", "--timeout", "10", *ask]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        said = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        if UNREACHED.search(said):
            raise NotAudited(said[:200]) from None
        sys.exit(f"pip-audit failed: {said}")


def show(packages: Sequence[Any]) -> int:
    holes = [(package, hole) for package in packages for hole in package.get("vulns", ()) if hole["id"] not in ACCEPTED]
    for package, hole in holes:
        mended = ", ".join(hole["fix_versions"]) or "no release yet"
        print(f"{package['name']} {package['version']}: {hole['id']}, mended in {mended}", file=sys.stderr)
    print(f"{len(packages)} dependencies audited, {len(holes)} known holes.")
    return VULNERABLE if holes else CLEAN


if __name__ == "__main__":
    sys.exit(main())
