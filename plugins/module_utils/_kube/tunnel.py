"""A local port whose connections end in a pod: port-forward through the host cluster's API.

A listener on loopback, rather than a patched HTTP library, lets every client use it unchanged. It carries ciphertext
only: TLS runs from the client to the pod and needs a client certificate, so another user of this machine who finds
the port gains nothing by it.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

from .client import Cluster
from .errors import Unreachable

with contextlib.suppress(ImportError):  # reported by client.IMPORT_ERROR
    from kubernetes import client as kube_client
    from kubernetes.stream import portforward

_CHUNK = 64 * 1024
_OPEN_TIMEOUT = 20.0


class Tunnel:
    """Forwards connections to 127.0.0.1:`port` to a port of a pod until it is closed."""

    def __init__(self, cluster: Cluster, namespace: str, pod: str, pod_port: int) -> None:
        self._configuration = cluster.api_client.configuration
        self._namespace, self._pod, self._pod_port = namespace, pod, pod_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.last_error = ""
        threading.Thread(target=self._serve, name=f"tunnel to {pod}", daemon=True).start()

    def close(self) -> None:
        # shutdown() wakes a thread that sits in accept(); close() alone would leave it there.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def __enter__(self) -> Tunnel:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                local, _peer = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(local,), daemon=True).start()

    def _carry(self, local: socket.socket) -> None:
        with local:
            try:
                forward = self._open()
            except Exception as error:  # noqa: BLE001 - the library raises many types; the client sees a closed port
                self.last_error = str(error)
                return
            remote = forward.socket(self._pod_port)
            back = threading.Thread(target=_pump, args=(remote, local), daemon=True)
            back.start()
            _pump(local, remote)
            back.join()
            if reported := forward.error(self._pod_port):
                self.last_error = str(reported)

    def _open(self) -> Any:
        # portforward() swaps a method of the ApiClient while it runs: every connection gets an ApiClient of its own.
        core = kube_client.CoreV1Api(kube_client.ApiClient(self._configuration))
        return portforward(
            core.connect_get_namespaced_pod_portforward,
            self._pod,
            self._namespace,
            ports=str(self._pod_port),
            _request_timeout=_OPEN_TIMEOUT,
        )


def _pump(source: Any, sink: Any) -> None:
    """Copies until either side ends, then tells the other side so."""
    try:
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    except OSError:
        pass  # a reset is an end like any other; TLS above tells truncation from completion
    finally:
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def through(tunnel: Tunnel, error: Unreachable) -> Unreachable:
    """Adds what the tunnel knows about why nothing came through."""
    return Unreachable(f"{error.message} ({tunnel.last_error})") if tunnel.last_error else error
