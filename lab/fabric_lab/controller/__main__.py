"""Runs the simulator in the foreground; prints how to reach it once it listens."""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
from pathlib import Path
from typing import Any

import uvicorn

from .app import create_app
from .core import Controller
from .errors import ApiError
from .options import parser, settings
from .seed import SeedError, apply, load


class _Server(uvicorn.Server):
    """Announces the address as soon as connections are answered, and not before."""

    def __init__(self, config: uvicorn.Config, lines: list[str]) -> None:
        super().__init__(config)
        self._lines = lines

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print("\n".join(self._lines), flush=True)


def main() -> int:
    options = parser(os.environ).parse_args()
    if bool(options.tls_cert) != bool(options.tls_key):
        print("error: --tls-cert and --tls-key belong together", file=sys.stderr)
        return 2
    for path in (options.tls_cert, options.tls_key, options.seed):
        if path is not None and not Path(path).is_file():
            print(f"error: {path} does not exist", file=sys.stderr)
            return 2
    try:
        controller = Controller(settings(options))
        apply(controller, load(options.seed) if options.seed else None)
    except sqlite3.Error as error:
        print(f"error: state file {options.state}: {error}", file=sys.stderr)
        return 2
    except (ApiError, SeedError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    listener = _listen(options.host, options.port)
    if listener is None:
        return 2
    host, port = listener.getsockname()[:2]
    scheme = "https" if options.tls_cert else "http"
    lines = [
        f"NETRIS_URL={scheme}://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}",
        f"NETRIS_USERNAME={controller.username}",
        f"NETRIS_PASSWORD={controller.password}",
    ]
    tls: dict[str, Any] = {}
    if options.tls_cert:
        tls = {"ssl_certfile": str(options.tls_cert), "ssl_keyfile": str(options.tls_key)}
    config = uvicorn.Config(
        create_app(controller),
        log_level="warning",
        access_log=False,
        # Official clients keep connections idle for long; closing them early would show as resets.
        timeout_keep_alive=75,
        # Agents' long polls would hold a shutdown back for their whole wait.
        timeout_graceful_shutdown=1,
        **tls,
    )
    _Server(config, lines).run([listener])
    return 0


def _listen(host: str, port: int) -> socket.socket | None:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        print(f"error: cannot listen on {host}:{port}: {error.strerror}", file=sys.stderr)
        return None
    listener.listen(256)
    return listener


if __name__ == "__main__":
    sys.exit(main())
