"""Running the machine's tools, with errors that say which one failed and why."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from fabric_lab.state import LabError


def run(
    argv: Sequence[str], stdin: str | None = None, timeout: float | None = 600, directory: Path | None = None
) -> str:
    """Run a program, in this directory or another; its output, or LabError with what it said."""
    try:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False, cwd=directory
        )
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"`{' '.join(argv[:6])}` did not end within {timeout} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise LabError(f"`{' '.join(argv[:8])}` failed ({done.returncode}): {' / '.join(said[-4:])}")
    return done.stdout
