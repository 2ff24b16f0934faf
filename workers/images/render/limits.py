"""What a render process may not do: outlive its owner, eat the machine's memory, spin for ever, write a file."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1


def confine(owner: int, memory_mb: int) -> None:
    """Called once, first thing in the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the owner hears Ctrl-C and decides
    die_with(owner)
    with contextlib.suppress(OSError):
        os.nice(5)  # heartbeats go first
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    if sys.platform == "linux":  # macOS refuses to lower the address space
        _lower(resource.RLIMIT_AS, memory_mb * 1024 * 1024)


def die_with(owner: int) -> None:
    """On Linux the kernel kills this process as soon as its owner is gone, however it went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != owner:  # it went before we asked
        os._exit(1)


def allow_cpu(seconds: int) -> None:
    """From now on this many seconds of a core, half a second more or less; the kernel ends the process that takes more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    # the kernel counts whole seconds
    soft = math.ceil(used.ru_utime + used.ru_stime + seconds - 0.5)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _lower(what: int, limit: int) -> None:
    hard = resource.getrlimit(what)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(what, (limit, limit))
