"""Finding processes that belong to a lab without trusting anybody's memory.

Everything a lab starts either lives in one of its network namespaces or carries the lab's directory in its
environment; both are facts that the kernel keeps, so they also find what a killed supervisor left behind. The
connections to its machines that plays keep open are known by their title, which ssh writes over its environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from fabric_lab.state import Lab

OWNER_VARIABLE = "FABRIC_LAB_OWNER"
_PROC = Path("/proc")
_SPACES = Path("/run/netns")


def _ancestors() -> set[int]:
    """This process and those above it: never to be ended, wherever the user started them."""
    found = set()
    pid = os.getpid()
    while pid > 1:
        found.add(pid)
        stat = (_PROC / str(pid) / "stat").read_text()
        pid = int(stat.rpartition(")")[2].split()[1])
    return found


def find(lab: Lab) -> list[int]:
    """Ids of the processes that belong to a lab, this process and those above it aside."""
    spaces = set()
    # names of labs have no hyphen, so these are this lab's
    for path in (_SPACES / lab.netns, *_SPACES.glob(f"{lab.netns}-*")):
        with contextlib.suppress(FileNotFoundError):
            spaces.add(path.stat().st_ino)
    owner = f"{OWNER_VARIABLE}={lab.directory}".encode()
    connection = f"ssh: {lab.run_directory}/ssh/".encode()
    skip = _ancestors()
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) in skip:
            continue
        # a process may end while it is looked at
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if (
                (entry / "ns" / "net").stat().st_ino in spaces
                or owner in (entry / "environ").read_bytes().split(b"\0")
                or (entry / "cmdline").read_bytes().startswith(connection)
            ):
                found.append(int(entry.name))
    return sorted(found)


def end(lab: Lab, timeout: float = 10.0) -> list[int]:
    """End what belongs to a lab; ids of what was ended. Some start others while they die, so look again."""
    ended: set[int] = set()
    deadline = time.monotonic() + timeout
    while pids := [pid for pid in find(lab) if not _is_zombie(pid)]:
        ended.update(pids)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return sorted(ended)


def wait_gone(pids: list[int], timeout: float = 20.0) -> None:
    """Wait until ended processes have left the process table too: a virtual machine has helpers that linger."""
    deadline = time.monotonic() + timeout
    while any((_PROC / str(pid)).exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)


def _is_zombie(pid: int) -> bool:
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
