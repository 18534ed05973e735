"""Talking to a lab's supervisor, and starting it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from fabric_lab.state import Lab, LabError
from fabric_lab.supervisor import leftovers
from fabric_lab.supervisor.spec import ProcessSpec, ProcessStatus

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]


class NotRunning(LabError):
    """There is no supervisor; not one that is slow to answer."""


class Supervisor:
    """The supervisor of one lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def alive(self) -> bool:
        try:
            self._ask({"op": "status"})
        except NotRunning:
            return False
        return True

    def ensure(self) -> bool:
        """Start the supervisor unless it runs; whether it was started. Processes of a killed one are ended first."""
        if self.alive():
            return False
        leftovers.end(self._lab)
        self._lab.prepare()
        log = self._lab.log_directory / "supervisor.log"
        environment = {
            key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "FABRIC_CACHE")
        }
        with log.open("a") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "fabric_lab.supervisor", str(self._lab.socket), str(self._lab.directory)],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd="/",
                env={
                    **environment,
                    "PYTHONPATH": str(_PACKAGE_ROOT),
                    leftovers.OWNER_VARIABLE: str(self._lab.directory),
                },
                start_new_session=True,
            )
        deadline = time.monotonic() + 20
        while not self.alive():
            if process.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"the lab's supervisor did not start, see {log}")
            time.sleep(0.05)
        return True

    def add(self, spec: ProcessSpec, start: bool = True) -> ProcessStatus:
        return ProcessStatus.from_dict(self._ask({"op": "add", "spec": spec.to_dict(), "start": start}))

    def start(self, name: str) -> ProcessStatus:
        return self._one("start", name)

    def stop(self, name: str) -> ProcessStatus:
        return self._one("stop", name)

    def restart(self, name: str) -> ProcessStatus:
        return self._one("restart", name)

    def kill(self, name: str) -> ProcessStatus:
        return self._one("kill", name)

    def remove(self, name: str) -> None:
        self._ask({"op": "remove", "name": name})

    def shutdown(self) -> None:
        self._ask({"op": "shutdown"}, timeout=120)

    def status(self) -> dict[str, ProcessStatus]:
        found = (ProcessStatus.from_dict(entry) for entry in self._ask({"op": "status"})["processes"])
        return {status.name: status for status in found}

    def _one(self, operation: str, name: str) -> ProcessStatus:
        return ProcessStatus.from_dict(self._ask({"op": operation, "name": name}, timeout=60))

    def _ask(self, request: dict[str, Any], timeout: float = 30) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(timeout)
                connection.connect(str(self._lab.socket))
                connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile() as stream:
                    line = stream.readline()
        except (FileNotFoundError, ConnectionError):
            raise NotRunning(f"lab {self._lab.name!r} is not running") from None
        except OSError as error:
            raise LabError(f"the supervisor of lab {self._lab.name!r} does not answer: {error}") from None
        if not line:
            raise NotRunning(f"the supervisor of lab {self._lab.name!r} ended while it was asked")
        reply: dict[str, Any] = json.loads(line)
        if not reply["ok"]:
            raise LabError(f"supervisor: {reply['error']}")
        result: dict[str, Any] = reply["result"]
        return result
