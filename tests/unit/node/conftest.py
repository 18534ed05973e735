"""A server under another root, and an API server that answers with a script."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._node import join
from ansible_collections.baremetal.fabric.plugins.module_utils._node.system import Done, System
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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
        self.ca = self._certificate(directory)
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
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "api.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.endpoint = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @staticmethod
    def _certificate(directory: Path) -> str:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "api")])
        now = datetime.datetime.now(datetime.UTC)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )
        encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (directory / "api.pem").write_bytes(key.private_bytes(*encoding) + certificate)
        return certificate.decode()


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
