"""A real Kubernetes API on loopback without nodes: etcd, kube-apiserver and controller manager.

Used as a library by unit tests, and by molecule scenarios as a command:

    python -m tests.support.kube_api start DIRECTORY [PAPER…]   prints the path of the kubeconfig; pods are said to run
    python -m tests.support.kube_api stop DIRECTORY

PAPER names more that is only said to happen: nmstate for tests.support.paper_nmstate.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import ipaddress
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")


def binaries() -> Path:
    return Path(os.environ.get("FABRIC_CACHE", ROOT / ".cache")) / "bin"


def missing() -> list[str]:
    """Programs that are not built yet."""
    return [name for name in PROGRAMS if not (binaries() / name).exists()]


def start(directory: Path) -> Path:
    """Brings everything up in a directory that must not exist; returns the kubeconfig of an administrator."""
    directory.mkdir(mode=0o700, parents=True)
    try:
        return _bring_up(directory)
    except BaseException:
        stop(directory)
        raise


@contextlib.contextmanager
def running() -> Iterator[Path]:
    """One for the time of a test: the kubeconfig of an administrator. Without its programs the test is skipped."""
    if absent := missing():
        pytest.skip(f"{', '.join(absent)} not built in {binaries()} (make lab-up builds them)")
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="fabric-kube-", dir=memory, ignore_cleanup_errors=True) as directory:
        home = Path(directory, "api")
        try:
            yield start(home)
        finally:
            stop(home)


def stop(directory: Path) -> None:
    """Ends what was started there, without grace since nothing in it is worth any, and removes the directory."""
    for record in sorted(directory.glob("*.pid"), reverse=True):
        pid = int(record.read_text())
        if _is_ours(pid, directory):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            _await_end(pid)
    shutil.rmtree(directory, ignore_errors=True)


def _is_ours(pid: int, directory: Path) -> bool:
    """A pid may be somebody else's by now; ours names the directory in its arguments."""
    try:
        return str(directory).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _await_end(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
        return
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def _bring_up(directory: Path) -> Path:
    client, peer, api, manager = _free_ports(4)
    authority = _certificates(directory)
    _start(
        directory, "1-etcd", str(binaries() / "etcd"), f"--data-dir={directory}/etcd", "--unsafe-no-fsync",
        f"--listen-client-urls=http://127.0.0.1:{client}", f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}", f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
    )  # fmt: skip
    _await(f"http://127.0.0.1:{client}/health", directory, "1-etcd")
    _start(
        directory, "2-api", str(binaries() / "kube-apiserver"), f"--etcd-servers=http://127.0.0.1:{client}",
        "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--secure-port={api}",
        "--endpoint-reconciler-type=none", "--authorization-mode=RBAC", "--enable-bootstrap-token-auth",
        "--allow-privileged=true",
        f"--client-ca-file={directory}/ca.crt", f"--tls-cert-file={directory}/server.crt",
        f"--tls-private-key-file={directory}/server.key", "--service-cluster-ip-range=10.96.0.0/24",
        "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={directory}/ca.key",
        f"--service-account-signing-key-file={directory}/ca.key",
    )  # fmt: skip
    _await(f"https://127.0.0.1:{api}/readyz", directory, "2-api", ssl.create_default_context(cadata=authority))
    kubeconfig = _kubeconfig(directory, api)
    _start(
        directory, "3-manager", str(binaries() / "kube-controller-manager"), f"--kubeconfig={kubeconfig}",
        "--leader-elect=false", "--bind-address=127.0.0.1", f"--secure-port={manager}",
        f"--cert-dir={directory}/manager", f"--service-account-private-key-file={directory}/ca.key",
        f"--root-ca-file={directory}/ca.crt", "--use-service-account-credentials=false",
        f"--cluster-signing-cert-file={directory}/ca.crt", f"--cluster-signing-key-file={directory}/ca.key",
    )  # fmt: skip
    return kubeconfig


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _start(directory: Path, name: str, *command: str) -> None:
    with (directory / f"{name}.log").open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=ROOT,
        )
    (directory / f"{name}.pid").write_text(str(process.pid))


#: For what runs beside the API and ends with it; its arguments name the directory.
start_program = _start


def _await(url: str, directory: Path, name: str, context: ssl.SSLContext | None = None) -> None:
    deadline = time.monotonic() + 180  # several may start at once, on two processors
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2, context=context) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    log = (directory / f"{name}.log").read_text(errors="replace")
    raise RuntimeError(f"{url} does not answer:\n{log[-2000:]}")


def _certificates(directory: Path) -> str:
    """A CA, a serving certificate for loopback and the tests' VIP, and an administrator's; returns the CA."""
    authority_key, authority = _issue(directory, "ca", "test-ca", None, None)
    _issue(directory, "server", "kube-apiserver", authority_key, authority, hosts=("127.0.0.1", "192.168.67.253"))
    _issue(directory, "client", "admin", authority_key, authority, organisation="system:masters")
    return authority.public_bytes(serialization.Encoding.PEM).decode()


def _issue(
    directory: Path,
    name: str,
    common_name: str,
    signer: rsa.RSAPrivateKey | None,
    issuer: x509.Certificate | None,
    *,
    organisation: str | None = None,
    hosts: tuple[str, ...] = (),
) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organisation:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    subject, now = x509.Name(parts), datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        # Python 3.13 verifies strictly: a chain without these is refused.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key((signer or key).public_key()), critical=False)
        .add_extension(_usage(authority=issuer is None), critical=True)
    )
    if hosts:
        names = [x509.IPAddress(ipaddress.ip_address(host)) for host in hosts]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(signer or key, hashes.SHA256())
    (directory / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret = directory / f"{name}.key"
    secret.touch(mode=0o600)
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    return key, certificate


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=not authority,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _kubeconfig(directory: Path, port: int) -> Path:
    def embedded(name: str) -> str:
        return base64.b64encode((directory / name).read_bytes()).decode()

    path = directory / "kubeconfig"
    path.touch(mode=0o600)
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": embedded("ca.crt")}
    user = {"client-certificate-data": embedded("client.crt"), "client-key-data": embedded("client.key")}
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                "clusters": [{"name": "test", "cluster": cluster}],
                "users": [{"name": "test", "user": user}],
            }
        )
    )
    return path


def main(arguments: list[str]) -> int:
    if len(arguments) < 2 or arguments[0] not in ("start", "stop"):
        print(__doc__, file=sys.stderr)
        return 2
    command, directory = arguments[0], Path(arguments[1]).absolute()
    if command == "stop":
        stop(directory)
    elif absent := missing():
        print(f"not built yet: {', '.join(absent)}", file=sys.stderr)
        return 1
    else:
        stop(directory)  # what a killed run has left
        kubeconfig = start(directory)
        _start(directory, "4-pods", sys.executable, "-m", "tests.support.paper_kubelet", str(kubeconfig))
        for paper in arguments[2:]:
            _start(directory, f"5-{paper}", sys.executable, "-m", f"tests.support.paper_{paper}", str(kubeconfig))
        print(kubeconfig)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
