"""The supervisor itself: a control socket in front of a lab's processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fabric_lab.supervisor.process import OwnedProcess
from fabric_lab.supervisor.spec import ProcessSpec

_LIMIT = 1 << 20


class Supervisor:
    """Holds the processes; each operation is a method named as on the wire."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._processes: dict[str, OwnedProcess] = {}
        self._lock = asyncio.Lock()
        self.finished = False

    async def add(self, spec: dict[str, Any], start: bool = True) -> dict[str, Any]:
        """Take a process over; the same again changes nothing, another definition replaces the process."""
        wanted = ProcessSpec.from_dict(spec)
        held = self._processes.get(wanted.name)
        if held is not None and held.spec != wanted:
            await held.stop()
            held = None
        if held is None:
            held = OwnedProcess(wanted, self._owner)
            self._processes[wanted.name] = held
        if start:
            await held.start()
        return held.status().to_dict()

    async def start(self, name: str) -> dict[str, Any]:
        await self._get(name).start()
        return self._get(name).status().to_dict()

    async def stop(self, name: str) -> dict[str, Any]:
        await self._get(name).stop()
        return self._get(name).status().to_dict()

    async def restart(self, name: str) -> dict[str, Any]:
        await self._get(name).stop()
        return await self.start(name)

    async def kill(self, name: str) -> dict[str, Any]:
        self._get(name).kill()
        return self._get(name).status().to_dict()

    async def remove(self, name: str) -> dict[str, Any]:
        if name in self._processes:
            await self._processes[name].stop()
            del self._processes[name]
        return {}

    async def status(self) -> dict[str, Any]:
        return {"pid": os.getpid(), "processes": [held.status().to_dict() for held in self._processes.values()]}

    async def shutdown(self) -> dict[str, Any]:
        """End everything, last come first gone: what came later builds on what came before."""
        for held in reversed(self._processes.values()):
            await held.stop()
        self.finished = True
        return {}

    async def serve(self, request: dict[str, Any]) -> dict[str, Any]:
        operations: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
            "add": self.add,
            "start": self.start,
            "stop": self.stop,
            "restart": self.restart,
            "kill": self.kill,
            "remove": self.remove,
            "status": self.status,
            "shutdown": self.shutdown,
        }
        operation = operations.get(request.pop("op", ""))
        if operation is None:
            return {"ok": False, "error": "unknown operation"}
        try:
            if operation == self.status or operation == self.kill:
                return {"ok": True, "result": await operation(**request)}
            # changes one after another, so that two commands cannot start the same process twice
            async with self._lock:
                return {"ok": True, "result": await operation(**request)}
        except KeyError as error:
            return {"ok": False, "error": f"no process named {error.args[0]!r}"}
        except (TypeError, ValueError, OSError) as error:
            return {"ok": False, "error": str(error)}

    def _get(self, name: str) -> OwnedProcess:
        return self._processes[name]


async def run(socket: Path, owner: str) -> None:
    """Serve until told to shut down."""
    supervisor, ended = Supervisor(owner), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            line = await reader.readline()
            try:
                reply = await supervisor.serve(json.loads(line))
            except (json.JSONDecodeError, AttributeError):
                reply = {"ok": False, "error": "not a request"}
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        writer.close()
        if supervisor.finished:
            ended.set()  # now that the answer has left

    async def end() -> None:
        await supervisor.shutdown()
        ended.set()

    loop = asyncio.get_running_loop()
    ending: set[asyncio.Task[None]] = set()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: ending.add(asyncio.create_task(end())))
    socket.unlink(missing_ok=True)
    previous = os.umask(0o177)
    server = await asyncio.start_unix_server(answer, socket, limit=_LIMIT)
    os.umask(previous)
    async with server:
        await ended.wait()
    socket.unlink(missing_ok=True)
