"""PostgreSQL on a data folder of ours: loopback only, password only, gone when we are gone."""

from __future__ import annotations

import signal
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

from milepost.embedded.child import Child
from milepost.embedded.cluster import ensure_cluster, is_ready, wait_for_predecessor
from milepost.embedded.identity import Identity, choose_identity
from milepost.embedded.locate import locate_postgres
from milepost.embedded.server import EmbeddedServer

OWNER = "postgres"
DATABASE = "postgres"

DEFAULT_SETTINGS: Mapping[str, str] = {
    "shared_buffers": "128MB",
    "max_connections": "200",
    "wal_level": "replica",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
}

# What the promises of this package rest on: no caller's setting goes over these.
FIXED_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a long folder name does not fit into a socket's address
    "logging_collector": "off",  # our log file is its standard error
}


class EmbeddedPostgres(EmbeddedServer):
    """One PostgreSQL server; `settings` are postgresql.conf names, over `DEFAULT_SETTINGS`."""

    name = "PostgreSQL"
    # Fast shutdown, then immediate shutdown.
    stop_steps = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0))
    start_seconds = 120.0  # crash recovery of a busy folder takes its time, and a dead server is noticed at once
    _identity: Identity

    def __init__(self, data_dir: Path, *, port: int = 0, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(data_dir, port=port)
        self._cluster = self._folder / "cluster"
        self._settings = {**DEFAULT_SETTINGS, **(settings or {}), **FIXED_SETTINGS}

    @property
    def owner_url(self) -> str:
        """With the superuser's password in it: for migrations and set-up, never for the application."""
        self._running()
        return f"postgresql://{OWNER}:{self._password}@127.0.0.1:{self._port}/{DATABASE}"

    def _prepare(self) -> None:
        wait_for_predecessor(self._cluster)
        self._identity = choose_identity(locate_postgres(), self._folder)
        ensure_cluster(
            self._cluster,
            identity=self._identity,
            owner=OWNER,
            password_file=self._folder / "password",
            log=self._log,
            sync=self._settings.get("fsync") != "off",
        )

    def _spawn(self) -> Child:
        command: list[str | Path] = [self._identity.programs / "postgres", "-D", self._cluster, "-p", str(self._port)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        return Child(
            self.name,
            command,
            log=self._log,
            folder=self._folder,
            mode=self._identity.mode,
            death=signal.SIGINT,
        )

    def _answers(self) -> bool:
        """Say hello in the wire protocol: a ready server asks for the password, one in recovery tells an error."""
        if not is_ready(self._cluster):
            return False  # whoever answers on the port is not this cluster's server
        login = f"user\0{OWNER}\0database\0{DATABASE}\0\0".encode()
        hello = struct.pack("!ihh", len(login) + 8, 3, 0) + login
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=2) as connection:
                connection.sendall(hello)
                return connection.recv(1) == b"R"
        except OSError:
            return False
