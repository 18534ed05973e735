"""Asking the host cluster: is it ready, and kubectl as its administrator."""

from __future__ import annotations

import ssl
import time
import urllib.error
import urllib.request

from fabric_lab.cluster.kubeadm import program
from fabric_lab.cluster.settings import PORT, Cluster
from fabric_lab.run import run
from fabric_lab.state import LabError


def ready(cluster: Cluster) -> bool:
    """Whether the API server says that it is."""
    authority = cluster.pki / "ca.crt"
    if not authority.exists():
        return False
    context = ssl.create_default_context(cafile=str(authority))
    url = f"https://{cluster.operator_address}:{PORT}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=5, context=context) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def wait_ready(cluster: Cluster, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not ready(cluster):
        if time.monotonic() > deadline:
            raise LabError(
                f"the host cluster's API server is not ready after {timeout:.0f} s, see {cluster.lab.log_directory}"
            )
        time.sleep(0.2)


def kubectl(cluster: Cluster, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
    return run([program("kubectl"), f"--kubeconfig={cluster.operator_kubeconfig}", *arguments], stdin, timeout=timeout)


def wait_established(cluster: Cluster, group: str, *plurals: str) -> None:
    """Until the API server knows custom resources whose definitions are there.

    The names first: kubectl ends with an accessor error on a definition that has no conditions yet.
    """
    for plural in plurals:
        for condition in (f"jsonpath={{.status.acceptedNames.plural}}={plural}", "condition=Established"):
            kubectl(cluster, "wait", f"--for={condition}", "--timeout=60s", f"crd/{plural}.{group}")
