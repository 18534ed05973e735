# SPDX-License-Identifier: Apache-2.0
"""Serving media to BMCs and installers, for as long as there are any.

One directory per server below a root that only its owner can read, its name so long that nobody guesses it; directories
are never listed. BMCs read media piece by piece, so ranges are answered, which http.server does not do by itself.
"""

from __future__ import annotations

import re
import ssl
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

#: How often is looked whether there is anything left to serve.
_LOOK_SECONDS = 1.0
_BLOCK = 1 << 16
_PATH = re.compile(r"/(?P<directory>[A-Za-z0-9_-]{17,})/(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")
_RANGE = re.compile(r"bytes=(?P<first>\d*)-(?P<last>\d*)")


def find(root: Path, path: str) -> Path | None:
    """The file that a request's path means; None for everything that is not exactly one of ours."""
    found = _PATH.fullmatch(path.partition("?")[0])
    if not found:
        return None
    file = root / found["directory"] / found["name"]
    return file if file.is_file() and not file.is_symlink() and not file.parent.is_symlink() else None


def span(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte of what a Range header asks for; None for the whole file. ValueError when it lies outside."""
    found = _RANGE.fullmatch(header or "")
    if not found or not (found["first"] or found["last"]):
        return None
    if not found["first"]:
        first, last = max(0, size - int(found["last"])), size - 1
    else:
        first = int(found["first"])
        last = min(int(found["last"] or size - 1), size - 1)
    if first > last:
        raise ValueError(f"bytes {first}-{last} of {size}")
    return first, last


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: MediaServer

    def do_GET(self) -> None:
        self._answer(send=True)

    def do_HEAD(self) -> None:
        self._answer(send=False)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: paths are what keeps the media from strangers."""

    def _answer(self, send: bool) -> None:
        file = find(self.server.root, self.path)
        if file is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        with file.open("rb") as stream:
            size = file.stat().st_size
            try:
                part = span(self.headers.get("Range"), size)
            except ValueError:
                self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                return
            first, last = part or (0, size - 1)
            self.send_response(HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK)
            if part:
                self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(last - first + 1))
            self.end_headers()
            if send:
                self._copy(stream, first, last - first + 1)

    def _copy(self, stream: IO[bytes], first: int, length: int) -> None:
        stream.seek(first)
        while length and (block := stream.read(min(_BLOCK, length))):
            self.wfile.write(block)
            length -= len(block)

    def _refuse(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


class MediaServer(ThreadingHTTPServer):
    """Serves what is below `root`."""

    daemon_threads = True

    def __init__(self, root: Path, address: str, port: int, certificate: str = "", key: str = "") -> None:
        self.root = root
        super().__init__((address, port), _Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key or None)
            # the handshake is each connection's own affair, not that of the one that accepts them
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def serve_while_needed(self, lifetime: float) -> bool:
        """Serve until nothing is left below the root, at most `lifetime` seconds; whether that came in time."""
        deadline = time.monotonic() + lifetime
        thread = threading.Thread(target=self.serve_forever, daemon=True)
        thread.start()
        try:
            while time.monotonic() < deadline:
                if not has_media(self.root):
                    return True
                time.sleep(_LOOK_SECONDS)
            return False
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


def has_media(root: Path) -> bool:
    try:
        return any(root.iterdir())
    except FileNotFoundError:
        return False
