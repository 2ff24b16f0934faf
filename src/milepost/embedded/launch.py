"""Run as a script by `child.py`: becomes a server that dies with its parent and is not root.

Standard library only and no import of the house: it starts with -I -S, in milliseconds. A script, not a preexec_fn,
because code between fork and exec can dead-lock a process that has threads.

Usage: launch.py MODE SIGNAL PARENT FOLDER PROGRAM [ARG...]
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

NOBODY = 65534
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
CANNOT = 126  # the exit code shells use for "found, but cannot be run"


def drop() -> None:
    """Become nobody; needs that nobody can reach the programs and the data."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def enter_namespace() -> None:
    """Be called nobody inside while files stay the caller's outside; works under a private home."""
    uid, gid = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER)")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} {gid} 1")


def die_with_parent(signal_number: int, parent: int) -> None:
    """Ask the kernel for a signal at the parent's death: after the user changes, which would clear it."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:  # it died before we asked
        os._exit(CANNOT)


def main(mode: str, signal_number: int, parent: int, folder: str, *command: str) -> None:
    """Change user, bind the life to the parent's, and become the command."""
    if mode == "drop":
        drop()
    elif mode == "namespace":
        enter_namespace()
    die_with_parent(signal_number, parent)
    os.chdir(folder)  # as the new user: fails here if the folder is out of its reach
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
    except OSError as error:
        sys.stderr.write(f"launch: cannot run {sys.argv[5]} ({sys.argv[1]}): {error}\n")
        sys.exit(CANNOT)
