"""A controller that only knows its script: the calls that must come, in order, and what it answers to each."""

from __future__ import annotations

import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SESSION = "connect.sid=s%3Aabc; Path=/; HttpOnly"


@dataclass
class Call:
    """One expected request with its answer."""

    method: str
    path: str
    body: Any = None
    status: int = 200
    answer: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    # Close the connection instead of answering.
    drop: bool = False
    raw: bytes | None = None


def login(**more: Any) -> Call:
    return Call(
        "POST",
        "/api/auth",
        {"user": "netris", "password": 'p"\\w', "auth_scheme_id": 1},
        **{"answer": envelope({"user_id": 1}), "headers": {"Set-Cookie": SESSION}, **more},
    )


def envelope(data: Any, success: bool = True, message: str = "", errors: Any = None) -> dict[str, Any]:
    return {"data": data, "isSuccess": success, "message": message, "errors": errors or {}, "meta": {"statusCode": 200}}


class ScriptedController:
    def __init__(self, *calls: Call, tls: ssl.SSLContext | None = None) -> None:
        self.calls = list(calls)
        self.seen: list[tuple[str, str, Any, dict[str, str]]] = []
        self.problems: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                text = self.rfile.read(length)
                body = json.loads(text) if text else None
                outer.seen.append((self.command, self.path, body, dict(self.headers)))
                if not outer.calls:
                    outer.problems.append(f"unexpected {self.command} {self.path}")
                    self.send_error(500)
                    return
                call = outer.calls.pop(0)
                if (call.method, call.path) != (self.command, self.path):
                    outer.problems.append(f"{self.command} {self.path} instead of {call.method} {call.path}")
                if call.body is not None and call.body != body:
                    outer.problems.append(f"{self.command} {self.path}: {body} instead of {call.body}")
                if call.drop:
                    self.close_connection = True
                    self.connection.shutdown(2)
                    return
                content = call.raw if call.raw is not None else json.dumps(call.answer).encode()
                self.send_response(call.status)
                for name, value in call.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _serve

            def log_message(self, *_arguments: Any) -> None:
                """Tests are quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> ScriptedController:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        if failure[0] is None:
            assert not self.problems, self.problems
            assert not self.calls, f"never asked: {self.calls}"
