# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""Connections as an ordinary program makes them: TCP and TLS, from the server or from inside one of its pods.

Private to the collection; runs on servers (Python 3.8).
"""

from __future__ import annotations

import ctypes
import os
import socket
import ssl
import threading
import time
from typing import Dict, List, Optional

_SO_BINDTODEVICE = 25
_CLONE_NEWNET = 0x40000000
_ATTEMPT = 3.0  # seconds for one attempt
_PAUSE = 0.5  # seconds between attempts


class NoSuchPod(Exception):
    """No process of that pod runs here."""


def pod_process(uid: str, root: str = "/proc") -> int:
    """A process of a pod, found by the pod's UID in control group names: works with every container runtime."""
    names = (uid, uid.replace("-", "_"))
    for entry in sorted((name for name in os.listdir(root) if name.isdigit()), key=int):
        try:
            with open(os.path.join(root, entry, "cgroup")) as groups:
                text = groups.read()
        except OSError:  # the process has ended meanwhile
            continue
        if any(name in text for name in names):
            return int(entry)
    raise NoSuchPod(uid)


def enter_network_of(uid: str) -> None:
    """Move the calling thread, and only it, into the network namespace of a pod."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open("/proc/%d/ns/net" % pod_process(uid), os.O_RDONLY)
    try:
        if libc.setns(descriptor, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "cannot enter the network namespace of the pod")
    finally:
        os.close(descriptor)


class Connection(threading.Thread):
    """Tries to connect until it is answered or told to stop."""

    def __init__(
        self,
        ident: str,
        address: str,
        port: int,
        interface: Optional[str] = None,
        pod_uid: Optional[str] = None,
        tls: bool = False,
        ca: Optional[str] = None,
        expect_answer: bool = True,
        refusal_counts: bool = False,
    ) -> None:
        super().__init__(name=ident, daemon=True)
        self.ident_text = ident
        self.expect_answer = expect_answer
        self.answered = False
        self._refusal_counts = refusal_counts
        self._address = address
        self._port = port
        self._interface = interface
        self._pod_uid = pod_uid
        self._tls = tls
        self._ca = ca
        self._halt = threading.Event()
        self._outcome: Dict[str, object] = {"result": "silent", "detail": ""}

    def halt(self) -> None:
        self._halt.set()

    def outcome(self) -> Dict[str, object]:
        return dict(self._outcome)

    def run(self) -> None:
        if self._pod_uid:
            try:
                enter_network_of(self._pod_uid)
            except NoSuchPod:
                self._outcome = {"result": "no_pod", "detail": "no process of the pod runs on this server"}
                return
            except OSError as error:
                self._outcome = {"result": "error", "detail": str(error)}
                return
        while not self._halt.is_set():
            self._outcome = self._attempt()
            refused = self._outcome["result"] == "refused"
            # Where more than a refusal is hoped for, the program behind the port may just not be up yet.
            self.answered = self._outcome["result"] == "open" or (refused and self._refusal_counts)
            if self.answered or (refused and not self.expect_answer):
                return
            self._halt.wait(_PAUSE)

    def _attempt(self) -> Dict[str, object]:
        began = time.monotonic()
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as plain:
                plain.settimeout(_ATTEMPT)
                if self._interface and not self._pod_uid:
                    plain.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, self._interface.encode() + b"\0")
                plain.connect((self._address, self._port))
                outcome: Dict[str, object] = {"result": "open", "detail": "", "source": plain.getsockname()[0]}
                if self._tls:
                    outcome.update(self._certificate(plain))
        except ssl.SSLCertVerificationError as error:
            return {"result": "untrusted", "detail": error.verify_message}
        except ConnectionRefusedError:
            return {"result": "refused", "detail": "connection refused"}
        except socket.timeout:
            return {"result": "silent", "detail": "no answer in %.0f s" % (time.monotonic() - began)}
        except OSError as error:
            return {"result": "unreachable", "detail": error.strerror or str(error)}
        return outcome

    def _certificate(self, plain: socket.socket) -> Dict[str, object]:
        """The server's certificate, verified against the given CA and for the very address that was dialled."""
        context = ssl.create_default_context(cadata=self._ca)
        with context.wrap_socket(plain, server_hostname=self._address) as secure:
            certificate = secure.getpeercert() or {}
        names: List[str] = []
        for entry in certificate.get("subjectAltName", ()):
            kind, value = str(entry[0]), str(entry[1])
            names.append("%s:%s" % (kind, value))
        return {"names": sorted(names), "expires": str(certificate.get("notAfter", ""))}
