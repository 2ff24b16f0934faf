"""What both servers share: a folder of their own, a port, a life that ends with ours."""

from __future__ import annotations

import abc
import atexit
import signal
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from milepost.embedded.child import Child, free_port, port_is_taken
from milepost.embedded.errors import EmbeddedError, ServerDied
from milepost.embedded.folder import FolderLock, password_in, private_folder

PORT_ATTEMPTS = 5


class EmbeddedServer(abc.ABC):
    """`start()`, `stop()`, or a `with` block; a second start reuses the folder."""

    name: ClassVar[str]
    start_seconds: ClassVar[float]
    stop_steps: ClassVar[tuple[tuple[signal.Signals, float], ...]]

    def __init__(self, data_dir: Path, *, port: int = 0) -> None:
        self._folder = private_folder(data_dir)
        self._log = self._folder / "server.log"
        self._wanted_port = port
        self._lock = FolderLock(self._folder)
        self._child: Child | None = None
        self._port = 0
        self._password = ""

    @property
    def port(self) -> int:
        """The port it listens on, 127.0.0.1 only."""
        self._running()
        return self._port

    @property
    def pid(self) -> int:
        """Of the server process."""
        return self._running().pid

    @property
    def is_alive(self) -> bool:
        """Whether the server process still runs."""
        return self._child is not None and self._child.is_alive

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._log

    def start(self) -> None:
        """Start on the folder, made ready first if it is new; from the main thread; harmless when running."""
        if self._child is not None:
            return
        self._lock.acquire()
        try:
            self._password = password_in(self._folder)
            self._prepare()
            self._child = self._launch_on_free_port()
        except BaseException:
            self._lock.release()
            raise
        atexit.register(self.stop)  # where the kernel has no parent-death signal, this is all there is

    def stop(self) -> None:
        """End it in good order; harmless when not running."""
        atexit.unregister(self.stop)
        if self._child is not None:
            self._child.stop(*self.stop_steps)
            self._child = None
        self._lock.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @abc.abstractmethod
    def _prepare(self) -> None:
        """Find the program and make the folder fit for it."""

    @abc.abstractmethod
    def _spawn(self) -> Child:
        """Start the program on `_port`."""

    @abc.abstractmethod
    def _answers(self) -> bool:
        """Whether it would serve a client now."""

    def _running(self) -> Child:
        if self._child is None:
            raise EmbeddedError(f"{self.name} on {self._folder} is not started.")
        return self._child

    def _launch_on_free_port(self) -> Child:
        for _ in range(1 if self._wanted_port else PORT_ATTEMPTS):
            self._port = self._wanted_port or free_port()
            try:
                return self._launch()
            except ServerDied:
                # Somebody took the port between our look and the server's bind: the only failure to try again.
                if not port_is_taken(self._port):
                    raise
        raise EmbeddedError(f"Port {self._port} is taken: choose another, or 0 for a free one.")

    def _launch(self) -> Child:
        child = self._spawn()
        try:
            # A stranger on the same port may answer in its place: only a living server counts.
            child.wait_until(lambda: self._answers() and child.is_alive, seconds=self.start_seconds)
        except BaseException:
            child.stop(*self.stop_steps)
            raise
        return child
