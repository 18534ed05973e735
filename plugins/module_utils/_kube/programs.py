"""Another program, run to its end or ended with everything that it has started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Seconds that a program gets to end by itself once it is told to: Helm writes down that its release has failed.
GRACE = 15.0


@dataclass(frozen=True)
class Ended:
    """`code` is None where time ran out; `said` is what all of them have printed."""

    code: int | None
    said: str


def run(command: Sequence[str], directory: Path, environment: Mapping[str, str], timeout: float) -> Ended:
    """Raises OSError if it cannot be started.

    It stays in the process group of its caller, so whoever ends a whole run ends it, too.
    """
    # An AnsibleModule's run_command has no end by time, and leaves alone what the program has started.
    process = subprocess.Popen(  # pylint: disable=ansible-bad-function
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    with process:
        try:
            said, _nothing = process.communicate(timeout=timeout)
            return Ended(process.returncode, said)
        except subprocess.TimeoutExpired:
            return Ended(None, _end(process))
        except BaseException:
            process.kill()
            raise


def _end(process: subprocess.Popen[str]) -> str:
    """What started it has no say over what it has started, which would go on and change things behind our back."""
    family = [process.pid, *_descendants(process.pid)]
    _signal(family, signal.SIGTERM)
    try:
        # The pipe ends with the last of them that holds it.
        return process.communicate(timeout=GRACE)[0]
    except subprocess.TimeoutExpired:
        _signal([*family, *_descendants(process.pid)], signal.SIGKILL)
        return process.communicate()[0]


def _signal(processes: Sequence[int], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):  # ended by itself
            os.kill(process, number)


def _descendants(ancestor: int) -> list[int]:
    command = ["ps", "-A", "-o", "pid=,ppid="]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # pylint: disable=ansible-bad-function
    children: dict[int, list[int]] = {}
    for line in done.stdout.splitlines():
        process, parent = (int(number) for number in line.split())
        children.setdefault(parent, []).append(process)
    found: list[int] = []
    waiting = [ancestor]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
