# SPDX-License-Identifier: Apache-2.0
"""The only door to the server: files, commands, time. Tests put another one in its place."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from contextlib import contextmanager
from typing import Callable, Iterator, Mapping, Sequence

from .errors import HostNetworkError

_LOCK = "/run/fabric-host-network.lock"
RunCommand = Callable[[Sequence[str]], "tuple[int, str, str]"]


class System:
    """Files below `root` (only tests use another than /) and commands."""

    def __init__(self, run_command: RunCommand, root: str = "/") -> None:
        self._run_command = run_command
        self._root = root

    def path(self, path: str) -> str:
        return os.path.join(self._root, path.lstrip("/"))

    def run(self, *argv: str) -> str:
        """Run a command that must succeed and return its output."""
        code, output, errors = self._run_command(argv)
        if code != 0:
            said = (errors or output).strip()
            raise HostNetworkError(f"'{' '.join(argv)}' failed with code {code}: {said}", command=list(argv))
        return output

    def attempt(self, *argv: str) -> tuple[int, str, str]:
        return self._run_command(argv)

    def read(self, path: str) -> str | None:
        try:
            with open(self.path(path), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            return None

    def read_bytes(self, path: str) -> bytes:
        """A file that may not be there or not be ours to read, such as another process's environment."""
        try:
            with open(self.path(path), "rb") as file:
                return file.read()
        except OSError:
            return b""

    def list(self, directory: str) -> list[str]:
        try:
            return sorted(os.listdir(self.path(directory)))
        except FileNotFoundError:
            return []

    def exists(self, path: str) -> bool:
        return os.path.exists(self.path(path))

    def write(self, path: str, content: str, mode: int) -> None:
        """Replace a file in one step: a reader sees the old or the new one, a crash leaves either."""
        target = self.path(path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".fabric-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, mode)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise

    def link(self, target: str, path: str) -> None:
        """A symbolic link, unless it is there."""
        where = self.path(path)
        if not os.path.islink(where) or os.readlink(where) != target:
            os.makedirs(os.path.dirname(where), exist_ok=True)
            self.remove(path)
            os.symlink(target, where)

    def remove(self, path: str) -> None:
        try:
            os.unlink(self.path(path))
        except FileNotFoundError:
            return

    def remove_empty(self, directory: str) -> None:
        """Remove a directory of ours unless something is in it."""
        if os.path.isdir(self.path(directory)) and not os.listdir(self.path(directory)):
            os.rmdir(self.path(directory))

    @contextmanager
    def lock(self, wanted: bool, path: str = _LOCK) -> Iterator[None]:
        """One change of this machine's network at a time, whoever asks for it."""
        if not wanted:
            yield
            return
        with open(self.path(path), "w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def now(self) -> float:
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def wait(self, condition: Callable[[], bool], timeout: float, interval: float = 0.25) -> bool:
        """Wait until `condition` holds; False when it did not within `timeout` seconds."""
        deadline = self.now() + timeout
        while not condition():
            if self.now() >= deadline:
                return False
            self.pause(interval)
        return True

    def environment(self) -> Mapping[str, str]:
        return os.environ

    def parent_pid(self) -> int:
        return os.getppid()
