"""Valkey (or Redis) on a data folder of ours: append-only file on, loopback only, gone when we are gone."""

from __future__ import annotations

import glob
import signal
import socket
from pathlib import Path

from milepost.embedded.child import Child
from milepost.embedded.folder import write_private
from milepost.embedded.locate import locate_redis
from milepost.embedded.server import EmbeddedServer

# Bells are small and rebuilt from PostgreSQL if need be; a second's loss is the price of a fast queue. Evicting them
# silently is not: noeviction makes a full server say so.
CONFIGURATION = """\
bind 127.0.0.1
port {port}
dir .
requirepass {password}
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


class EmbeddedRedis(EmbeddedServer):
    """One Valkey or Redis server; `start()` returns when all of the append-only file is read."""

    name = "Redis"
    stop_steps = ((signal.SIGTERM, 20.0),)
    start_seconds = 60.0
    _program: Path

    @property
    def url(self) -> str:
        """With the password in it."""
        self._running()
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def _prepare(self) -> None:
        self._program = locate_redis()

    def _spawn(self) -> Child:
        # A file, and not arguments: a password on the command line stands in the process list.
        configuration = self._folder / "server.conf"
        write_private(configuration, CONFIGURATION.format(port=self._port, password=self._password))
        # its name is a pattern to the server, which runs without any configuration where no file fits
        command = [self._program, glob.escape(str(configuration))]
        return Child(self.name, command, log=self._log, folder=self._folder, mode="plain", death=signal.SIGTERM)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=2) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                # While the file is being read the second answer is -LOADING.
                return _read_lines(connection, 2) == [b"+OK", b"+PONG"]
        except OSError:
            return False


def _read_lines(connection: socket.socket, count: int) -> list[bytes]:
    received = b""
    while received.count(b"\r\n") < count:
        chunk = connection.recv(256)
        if not chunk:
            break
        received += chunk
    return received.split(b"\r\n")[:count]
