"""One owned process: started, watched, started again, ended."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path
from typing import Literal

from fabric_lab.supervisor.leftovers import OWNER_VARIABLE
from fabric_lab.supervisor.spec import ProcessSpec, ProcessStatus, restart_delay, should_restart

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_QUICK = 5.0
_TAIL = 4096


def _die_with_parent() -> None:
    """Between fork and exec: have the kernel end this process when the supervisor is gone."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class OwnedProcess:
    """Keeps one process in the state that was asked for."""

    def __init__(self, spec: ProcessSpec, owner: str) -> None:
        self.spec = spec
        self._owner = owner
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._wanted = False
        self._starts = 0
        self._started_at = 0.0
        self._exit_code: int | None = None
        self._log_offset = 0

    def status(self) -> ProcessStatus:
        state: Literal["running", "waiting", "stopped", "ended"]
        if self._process is not None:
            state = "running"
        elif self._keeper is not None:
            state = "waiting"
        else:
            state = "ended" if self._wanted else "stopped"
        running = self._process
        return ProcessStatus(
            name=self.spec.name,
            state=state,
            pid=running.pid if running else None,
            starts=self._starts,
            uptime=round(time.monotonic() - self._started_at, 1) if running else 0.0,
            exit_code=self._exit_code,
        )

    @property
    def active(self) -> bool:
        return self._keeper is not None

    async def start(self) -> None:
        """Start it, unless it already runs; returns when the program was started or could not be."""
        self._wanted = True
        if self._keeper is None:
            await self._launch()
            self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End it and leave it ended."""
        self._wanted = False
        process, keeper = self._process, self._keeper
        if process is not None:
            self._signal(process, getattr(signal, self.spec.stop_signal))
            try:
                await asyncio.wait_for(process.wait(), self.spec.stop_timeout)
            except TimeoutError:
                self._signal(process, signal.SIGKILL)
                await process.wait()
        if keeper is not None:
            if process is None:
                keeper.cancel()  # it was waiting for its next start
            with contextlib.suppress(asyncio.CancelledError):
                await keeper

    def kill(self) -> None:
        """End it as an accident would; what happens next is its restart policy's."""
        if self._process is not None:
            self._signal(self._process, signal.SIGKILL)

    async def _launch(self) -> None:
        spec = self.spec
        argv = list(spec.argv)
        if spec.netns:
            # nsenter keeps the mounts as they are; `ip netns exec` would hide the cgroup file systems
            argv = ["nsenter", f"--net=/run/netns/{spec.netns}", "--", *argv]
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            **spec.env,
            OWNER_VARIABLE: self._owner,
        }
        Path(spec.log).parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(spec.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._log_offset = os.fstat(descriptor).st_size
            self._process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env=environment,
                cwd=spec.cwd,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        finally:
            os.close(descriptor)
        self._starts += 1
        self._started_at = time.monotonic()

    async def _keep(self) -> None:
        """Watch it and start it again as its policy says."""
        quick_ends = 0
        try:
            while self._process is not None:
                self._exit_code = await self._process.wait()
                # the session may hold more than its first process (a virtual machine has helpers)
                self._signal(self._process, signal.SIGKILL)
                self._process = None
                if not self._wanted or not should_restart(self.spec, self._log_tail()):
                    return
                lived = time.monotonic() - self._started_at
                quick_ends = quick_ends + 1 if lived < _QUICK else 0
                await asyncio.sleep(restart_delay(quick_ends))
                while self._process is None:
                    try:
                        await self._launch()
                    except OSError as error:
                        self._note(f"cannot start: {error}")
                        quick_ends += 1
                        await asyncio.sleep(restart_delay(quick_ends))
        finally:
            self._keeper = None

    def _log_tail(self) -> bytes:
        with Path(self.spec.log).open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(self._log_offset, size - _TAIL))
            return stream.read()

    def _note(self, text: str) -> None:
        with Path(self.spec.log).open("a") as stream:
            stream.write(f"supervisor: {text}\n")

    @staticmethod
    def _signal(process: asyncio.subprocess.Process, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
