"""A package index for tests: every package of a lock, and a newer release of each that nobody should want."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Self

from tests.servers.http import HttpServer, Reply, Request

NEWER = ".9999"  # at the end of a version: newer, and within every bound that the locked one is in
# What an installation runs itself keeps its content; of all others the metadata is enough.
BACK_END = ("hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers")
WHOLE = (*BACK_END, "pip")
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ ;\\\n]+)(?P<marker>[^\\\n]*)\\\n", re.MULTILINE)


class PackageIndex:
    """Serves the simple repository protocol (PEP 503) on loopback, and remembers which files were asked for."""

    def __init__(self, *locks: str) -> None:
        self._files: dict[str, dict[str, bytes]] = defaultdict(dict)
        self.asked: list[str] = []
        for name, version in {(pin["name"], pin["version"]) for lock in locks for pin in PIN.finditer(lock)}:
            for release in (version, version.split(".post")[0] + NEWER):
                self._files[name][wheel_name(name, release)] = wheel_of(name, release)
        self._server = HttpServer(self._answer)

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *end: object) -> None:
        await self._server.__aexit__(*end)

    @property
    def settings(self) -> dict[str, str]:
        """The environment in which pip knows this index and no other source."""
        return {"PIP_INDEX_URL": f"{self._server.url}/simple/", "PIP_CONFIG_FILE": "/dev/null", "PIP_NO_CACHE_DIR": "1"}

    def relocked(self, lock: str) -> str:
        """The lock with the hashes of the files that lie here."""
        return "".join(f"{pin[0].rstrip()}\n    --hash=sha256:{self._hash(pin)}\n" for pin in PIN.finditer(lock))

    def _hash(self, pin: re.Match[str]) -> str:
        return hashlib.sha256(self._files[pin["name"]][wheel_name(pin["name"], pin["version"])]).hexdigest()

    async def _answer(self, request: Request, reply: Reply) -> None:
        *_, name, file = request.path.split("/")
        if not file:
            links = "".join(f'<a href="{one}">{one}</a>\n' for one in self._files.get(name, {}))
            await reply.send(200 if links else 404, {"content-type": "text/html"}, links.encode())
            return
        self.asked.append(file)
        await reply.send(200, {"content-type": "application/octet-stream"}, self._files[name][file])


def wheel_name(name: str, version: str) -> str:
    return f"{name.replace('-', '_').replace('.', '_')}-{version}-py3-none-any.whl"


def wheel_of(name: str, version: str) -> bytes:
    """What is installed here by that name, as a wheel that says it is of that version."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:  # of another platform, or another Python
        installed = None
    info = f"{name.replace('-', '_').replace('.', '_')}-{version}.dist-info"
    files = dict(_content(installed)) if installed and name in WHOLE else {}
    files |= {f"{info}/METADATA": _metadata(name, version, installed), f"{info}/WHEEL": WHEEL}
    scripts = installed.read_text("entry_points.txt") if installed and name in WHOLE else None
    if scripts:
        files[f"{info}/entry_points.txt"] = scripts.encode()
    return _zipped(files, f"{info}/RECORD")


WHEEL = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def _metadata(name: str, version: str, installed: Distribution | None) -> bytes:
    head = (installed.read_text("METADATA") or "").split("\n\n", 1)[0] if installed else ""
    kept = [line for line in head.splitlines() if line.startswith(("Requires-Dist:", "Provides-Extra:"))]
    return "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *kept, ""]).encode()


def _content(installed: Distribution) -> Iterable[tuple[str, bytes]]:
    for path in installed.files or ():
        if path.parts[0] != ".." and ".dist-info" not in path.parts[0] and path.suffix != ".pyc":
            yield str(path), path.read_binary()


def _zipped(files: Mapping[str, bytes], record: str) -> bytes:
    lines = [f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in files.items()]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in {**files, record: "".join([*lines, f"{record},,\n"]).encode()}.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def pinned(lock: str) -> dict[str, str]:
    """Name and version of what the lock means for the Python that runs this."""
    from packaging.markers import Marker

    found: dict[str, str] = {}
    for pin in PIN.finditer(lock):
        marker = pin["marker"].strip(" ;")
        if not marker or Marker(marker).evaluate():
            found[pin["name"]] = pin["version"]
    assert found, sys.version
    return found
