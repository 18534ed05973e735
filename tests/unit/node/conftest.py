"""A server under another root, and an API server that answers with a script."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._node import join
from ansible_collections.baremetal.fabric.plugins.module_utils._node.system import Done, System

from tests.support import certificates

TOKEN = "abc123.0123456789abcdef"
KUBELET_CONF = "apiVersion: v1\nclusters:\n- cluster:\n    server: https://{}\n  name: x\n"


class FakeSystem(System):
    """Scripts run for real, below a root of their own; everything else is answered from a table."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))
        self.kubelet_active = False
        self.answers: dict[tuple[str, ...], Done] = {}
        self.calls: list[tuple[str, ...]] = []
        self.programs: set[str] = set()

    def has(self, program: str) -> bool:
        return program in self.programs

    def run(
        self, *command: str, timeout: float = 60.0, stdin: str = "", environment: dict[str, str] | None = None
    ) -> Done:
        self.calls.append((*command, stdin) if stdin else command)
        if command[0] == "/bin/sh":
            return super().run("/usr/bin/env", f"ROOT={self.root}", *command, timeout=timeout, environment=environment)
        if command[:2] == ("systemctl", "is-active"):
            return Done(0 if command[-1] == "kubelet" and self.active() else 3, "")
        if command[:2] == ("systemctl", "disable"):
            self.path("/active").unlink(missing_ok=True)
        return self.answers.get(command, Done(0, ""))

    def active(self) -> bool:
        return self.path("/active").exists()


@pytest.fixture
def system(tmp_path: Path) -> FakeSystem:
    return FakeSystem(tmp_path)


class Api:
    """An HTTPS server with a certificate for 127.0.0.1, signed by itself, that answers one script."""

    def __init__(self, directory: Path) -> None:
        self.body = "#!/bin/sh\nexit 0\n"
        self.status = 200
        self.paths: list[str] = []
        context, ca = certificates.self_signed(directory, "api")
        self.ca = ca.read_text()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                api.paths.append(self.path)
                self.send_response(api.status)
                self.end_headers()
                self.wfile.write(api.body.encode())

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.endpoint = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    served = Api(tmp_path_factory.mktemp("api"))
    yield served
    served.server.shutdown()
    served.server.server_close()


def joining_script(endpoint: str) -> str:
    """What a join script leaves behind, and what it was called with."""
    return f"""#!/bin/sh
echo "$@" > "$ROOT/arguments"; stat -c %a "$0" > "$ROOT/mode"; echo "token {TOKEN} used"
[ "$1" = --reset-only ] && {{ rm -rf "$ROOT/etc/kubernetes" "$ROOT/active"; exit 0; }}
mkdir -p "$ROOT/etc/kubernetes" "$ROOT/var/lib/kubelet/pki"
printf 'clusters:\\n- cluster:\\n    server: https://{endpoint}\\n' > "$ROOT/etc/kubernetes/kubelet.conf"
touch "$ROOT/active" "$ROOT/var/lib/kubelet/pki/key"
"""


def request(api: Api, **more: Any) -> join.Request:
    return join.Request(endpoint=api.endpoint, ca=api.ca, token=TOKEN, node_name="metal1", **more)
