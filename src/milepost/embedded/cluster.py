"""The files of a PostgreSQL cluster: made once, of one major version, served by one server at a time."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from milepost.embedded.child import clean_environment, launch_command, open_log
from milepost.embedded.errors import DataFolderInUse, EmbeddedError, ServerDied
from milepost.embedded.identity import Identity

BUILTIN_LOCALE_SINCE = 17
INITDB_SECONDS = 120
PREDECESSOR_SECONDS = 30.0
STATE_LINE = 7  # counted from 0, in postmaster.pid


def ensure_cluster(
    cluster: Path, *, identity: Identity, owner: str, password_file: Path, log: Path, sync: bool
) -> None:
    """Make the cluster, or see that the one there fits the programs."""
    major = _major_version(identity.programs)
    if not cluster.exists():
        options = ["-U", owner, "--encoding=UTF8", "--auth=scram-sha-256", f"--pwfile={password_file}"]
        options += [*_locale(major), *([] if sync else ["--no-sync"])]
        _initdb(cluster, identity, options, log)
        return
    made_by = (cluster / "PG_VERSION").read_text().strip()
    if made_by != str(major):
        raise EmbeddedError(
            f"{cluster} was made by PostgreSQL {made_by}, but {identity.programs} is {major}: name the old one's "
            f"bin folder in MILEPOST_PG_BIN, or move the folder away to begin anew."
        )


def wait_for_predecessor(cluster: Path) -> None:
    """A server whose parent was just killed may still be writing its last checkpoint: let it end."""
    pid_file = cluster / "postmaster.pid"
    deadline = time.monotonic() + PREDECESSOR_SECONDS
    while (pid := _postmaster_pid(pid_file)) and _serves(pid, cluster):
        if time.monotonic() > deadline:
            raise DataFolderInUse(
                f"{cluster} is in use by the PostgreSQL server with pid {pid}: stop it, or choose another data folder."
            )
        time.sleep(0.05)
    # A pid that now belongs to somebody else would make PostgreSQL refuse for ever (common in containers).
    pid_file.unlink(missing_ok=True)


def is_ready(cluster: Path) -> bool:
    """Whether this cluster's own server says so: the last line of its pid file is its state."""
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()[STATE_LINE].strip() == "ready"
    except (FileNotFoundError, IndexError):
        return False


def _initdb(cluster: Path, identity: Identity, options: list[str], log: Path) -> None:
    """Beside its final place and then renamed: a half-made cluster is never taken for a whole one."""
    fresh = cluster.with_name(f"{cluster.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    command = [identity.programs / "initdb", "-D", fresh, *options]
    wrapped = launch_command(command, mode=identity.mode, folder=cluster.parent, death=signal.SIGTERM)
    with open_log(log) as output:
        ended = subprocess.run(
            wrapped,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=clean_environment(),
            check=False,
            timeout=INITDB_SECONDS,
        )
    if ended.returncode != 0:
        raise ServerDied(f"initdb ended with code {ended.returncode}.", log)
    fresh.rename(cluster)


def _locale(major: int) -> list[str]:
    if major >= BUILTIN_LOCALE_SINCE:
        # The builtin provider sorts alike on every machine; libc's own categories stay C, which exists everywhere.
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C.UTF-8"]


def _major_version(programs: Path) -> int:
    command = [programs / "postgres", "--version"]
    told = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)", told)
    if found is None:
        raise EmbeddedError(f"{command[0]} does not tell its version: {told!r}")
    return int(found[1])


def _postmaster_pid(pid_file: Path) -> int:
    try:
        return int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return 0


def _serves(pid: int, cluster: Path) -> bool:
    """Whether the process is this cluster's server: a postmaster's working directory is its cluster."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/cwd").readlink() == cluster.resolve()
    except ProcessLookupError:
        return False
    except OSError:
        # Another user's process; or a machine without /proc, where the pid must be believed.
        return not Path("/proc/self").exists()
