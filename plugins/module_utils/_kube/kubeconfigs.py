"""The administrator's kubeconfigs as files that nobody else can read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .errors import KubeError

_MODE = 0o600
_DIRECTORY_MODE = 0o700


def write(directory: Path, files: dict[str, str], *, dry_run: bool = False) -> list[str]:
    """Make the files of a directory, by name, what they should be; the names of those that were not."""
    stale = sorted(name for name, text in files.items() if not _current(directory / name, text))
    if stale and not dry_run:
        try:
            directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            for name in stale:
                _replace(directory / name, files[name])
        except OSError as error:
            raise KubeError(f"the kubeconfigs cannot be written to {directory}: {error.strerror}") from error
    return stale


def _current(path: Path, text: str) -> bool:
    try:
        return path.stat().st_mode & 0o777 == _MODE and path.read_text(encoding="utf-8") == text
    except OSError:
        return False


def _replace(path: Path, text: str) -> None:
    """A reader finds the old file or the new one, and either is private from its first byte on."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
