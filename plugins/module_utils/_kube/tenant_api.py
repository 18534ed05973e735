"""Access to a tenant cluster's API from the machine that runs Ansible, which is on no tenant VLAN."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import backends, yaml_text
from .backends import Access
from .client import Cluster, label_selector, new_configuration
from .errors import Gone, KubeError, Unreachable
from .readiness import is_true, pod_state
from .tunnel import Tunnel, through

with contextlib.suppress(ImportError):  # reported by client.IMPORT_ERROR
    from kubernetes import client as kube_client


def control_plane_namespace(name: str, namespace: str | None = None) -> str:
    return namespace or f"vcluster-{name}"


def read_access(host: Cluster, name: str, namespace: str | None = None, backend: str | None = None) -> Access:
    where, kind = control_plane_namespace(name, namespace), backends.find(backend)
    secret = host.get("v1", "Secret", kind.secret_name(name), where)
    if secret is None:
        raise Gone(f"tenant cluster {name} has no Secret {where}/{kind.secret_name(name)}")
    return kind.access_of(secret)


def server_name_of(access: Access) -> str:
    """The name that the certificate must carry: the host by which nodes reach the API."""
    host = urlsplit(access.server).hostname
    if not host:
        raise KubeError(f"{access.server} in the Secret's kubeconfig is no URL")
    return host


def forwarded(access: Access, server_name: str, port: int) -> str:
    """The kubeconfig for somebody who forwards a local port to the control plane, still verified for its own name."""
    config = yaml_text.load(access.kubeconfig)
    for entry in config["clusters"]:
        entry["cluster"].update({"server": f"https://127.0.0.1:{port}", "tls-server-name": server_name})
    return yaml_text.dump(config)


def ready_pod(host: Cluster, name: str, namespace: str | None = None, backend: str | None = None) -> str:
    """A control-plane pod that can answer, the lowest name first so that repeated calls agree."""
    where = control_plane_namespace(name, namespace)
    pods = host.list("v1", "Pod", where, labels=label_selector(backends.find(backend).pod_labels(name)))
    alive = [p for p in pods if not p["metadata"].get("deletionTimestamp")]
    ready = sorted(p["metadata"]["name"] for p in alive if is_true(p, "Ready"))
    if ready:
        return str(ready[0])
    if not alive:
        raise Gone(f"tenant cluster {name} has no control-plane pod in {where}")
    states = "; ".join(f"{p['metadata']['name']}: {pod_state(p)}" for p in alive)
    raise Unreachable(f"no control-plane pod of tenant cluster {name} is ready in {where} ({states})")


def open_tenant(
    host: Cluster,
    name: str,
    namespace: str | None = None,
    server_name: str | None = None,
    access: Access | None = None,
    backend: str | None = None,
) -> Cluster:
    """A verified connection to the tenant cluster's API. Closing it closes the tunnel and the one to the host.

    `access` spares a request to whoever has read it already.
    """
    where = control_plane_namespace(name, namespace)
    access = access or read_access(host, name, where, backend)
    expected = server_name or server_name_of(access)
    tunnel = Tunnel(host, where, ready_pod(host, name, where, backend), access.pod_port)
    directory = tempfile.TemporaryDirectory(prefix="fabric-tenant-")  # mode 0700
    configuration = new_configuration()
    configuration.host = f"https://127.0.0.1:{tunnel.port}"
    configuration.tls_server_name = expected
    configuration.verify_ssl = True
    configuration.proxy = None  # loopback is not reached through anybody's proxy
    configuration.no_proxy = "127.0.0.1"
    configuration.ssl_ca_cert = _private_file(directory.name, "ca.pem", access.ca)
    configuration.cert_file = _private_file(directory.name, "client.pem", access.certificate)
    configuration.key_file = _private_file(directory.name, "client.key", access.key)
    cluster = _TenantCluster(kube_client.ApiClient(configuration), tunnel, name)
    cluster.on_close(host.close)
    cluster.on_close(directory.cleanup)
    cluster.on_close(tunnel.close)
    return cluster


class _TenantCluster(Cluster):
    """A Cluster whose failures name the tenant cluster instead of a port of loopback."""

    def __init__(self, api_client: Any, tunnel: Tunnel, name: str) -> None:
        super().__init__(api_client)
        self._tunnel, self._name = tunnel, name

    @property
    def host(self) -> str:
        return f"tenant cluster {self._name} (through a port-forward)"

    def request(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        try:
            return super().request(method, path, body=body, **params)
        except Unreachable as error:
            raise through(self._tunnel, error) from error


def _private_file(directory: str, name: str, content: str) -> str:
    path = Path(directory, name)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(content)
    return str(path)


def unready_because(cluster: Cluster) -> str:
    """Why the API server is not ready; empty when it says of itself that it is."""
    try:
        said = str(cluster.request("get", "/readyz")).strip()
    except KubeError as error:
        if isinstance(error, Unreachable) or error.status >= 500:
            return error.message
        raise
    return "" if said == "ok" else f"{cluster.host} says of itself: {said}"


__all__ = ["Access", "open_tenant", "read_access", "ready_pod", "unready_because"]
