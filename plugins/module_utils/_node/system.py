"""The server as the rest of the room sees it: a root directory and a way to run commands. Both can be replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple


class Done(NamedTuple):
    """How a command ended."""

    code: int
    output: str


class System:
    """The real thing. Tests give another root and override `run` and `has`."""

    def __init__(self, root: str = "/") -> None:
        self.root = Path(root)

    def path(self, absolute: str) -> Path:
        return self.root / absolute.lstrip("/")

    def has(self, program: str) -> bool:
        return shutil.which(program) is not None

    def run(
        self, *command: str, timeout: float = 60.0, stdin: str = "", environment: dict[str, str] | None = None
    ) -> Done:
        """Standard output and error together; a missing program or an overrun time are ends like any other."""
        try:
            # There is no AnsibleModule here, and secrets go in by standard input.
            ended = subprocess.run(  # pylint: disable=ansible-bad-function
                command,
                input=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
                env={**os.environ, **environment} if environment else None,
                encoding="utf-8",
                errors="replace",
            )
        except FileNotFoundError:
            return Done(127, f"{command[0]}: not found")
        except subprocess.TimeoutExpired as error:
            partial = error.stdout or ""
            text = partial.decode("utf-8", "replace") if isinstance(partial, bytes) else partial
            return Done(124, f"{text}\n{command[0]} was stopped after {timeout:.0f} s")
        return Done(ended.returncode, ended.stdout)


def tail(text: str, lines: int) -> str:
    return "\n".join(text.rstrip().splitlines()[-lines:])
