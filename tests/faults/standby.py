"""A second PostgreSQL that follows the first: made by pg_basebackup, streaming, promoted when a test says so."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from milepost.embedded import EmbeddedPostgres
from milepost.embedded.child import clean_environment, launch_command
from milepost.embedded.cluster import STATE_LINE, wait_for_predecessor
from milepost.embedded.folder import write_private
from milepost.embedded.identity import choose_identity
from milepost.embedded.locate import locate_postgres

COPY_SECONDS = 120


class Standby(EmbeddedPostgres):
    """Of a server that runs; with its passwords."""

    def __init__(self, folder: Path, primary: EmbeddedPostgres) -> None:
        super().__init__(folder)
        self._primary = primary.owner_url
        write_private(folder / "password", primary.owner_url.split(":")[2].partition("@")[0])

    def _prepare(self) -> None:
        wait_for_predecessor(self._cluster)
        self._identity = choose_identity(locate_postgres(), self._folder)
        command = [self._identity.programs / "pg_basebackup", "-d", self._primary, "-D", self._cluster]
        command += ["-R", "-X", "stream", "--checkpoint=fast", "--no-sync"]
        wrapped = launch_command(command, mode=self._identity.mode, folder=self._folder, death=signal.SIGTERM)
        done = subprocess.run(
            wrapped, env=clean_environment(), capture_output=True, text=True, timeout=COPY_SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr

    def _answers(self) -> bool:
        """A standby is never ready, in its own words."""
        try:
            state = (self._cluster / "postmaster.pid").read_text().splitlines()[STATE_LINE].strip()
        except (FileNotFoundError, IndexError):
            return False
        return state in {"ready", "standby"}
