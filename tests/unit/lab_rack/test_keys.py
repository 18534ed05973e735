"""Certificates and secrets of a lab."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
from fabric_lab.rack import keys
from fabric_lab.state import Lab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("FABRIC_CACHE", str(tmp_path))
    return Lab("unittest", 9)


def handshake(lab: Lab, trusted: str | None, name: str) -> None:
    certificate, key = keys.ensure_tls(lab)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except (ssl.SSLError, OSError):
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        ssl.create_default_context(cafile=trusted).wrap_socket(ours, server_hostname=name).close()
    finally:
        ours.close()
        thread.join()


def test_the_controllers_certificate_is_trusted_by_the_labs_ca_only(lab: Lab) -> None:
    keys.ensure_tls(lab)
    handshake(lab, str(lab.ca_file), "10.77.9.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(lab, None, "10.77.9.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(lab, str(lab.ca_file), "10.77.8.1")


def test_certificates_and_secrets_are_made_once_and_private(lab: Lab) -> None:
    first = [path.read_text() for path in keys.ensure_tls(lab)]
    assert [path.read_text() for path in keys.ensure_tls(lab)] == first
    assert keys.secret(lab, "password") == keys.secret(lab, "password")
    assert keys.secret(lab, "password") != keys.secret(lab, "agent_token")
    for path in lab.directory.rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o077 == 0, path
