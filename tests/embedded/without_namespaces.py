"""Run as a process by tests: becomes a command that may not make user namespaces, as in many containers.

It enters a namespace in which all users exist, and in which the number of further namespaces is limited to none.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000


def map_all_users_of(pid: int) -> None:
    # Only a process outside may map more users than the namespace's maker.
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{name}").write_text("0 0 65536")


def main() -> None:
    entered, tell_entered = os.pipe()
    mapped, tell_mapped = os.pipe()
    if os.fork() == 0:
        os.read(entered, 1)
        map_all_users_of(os.getppid())
        os.write(tell_mapped, b"1")
        os._exit(0)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        sys.exit("no user namespace can be made here")
    os.write(tell_entered, b"1")
    os.close(tell_mapped)
    os.read(mapped, 1)
    os.wait()
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
