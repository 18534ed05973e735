"""What every cluster needs besides nodes: DNS and a default StorageClass."""

from __future__ import annotations

import string
from collections.abc import Sequence

from fabric_lab.build import images
from fabric_lab.cluster.api import kubectl
from fabric_lab.cluster.settings import Cluster
from fabric_lab.state import REPOSITORY

MANIFESTS = REPOSITORY / "lab" / "kubernetes" / "manifests"


class _Template(string.Template):
    delimiter = "@"


def manifests(cluster: Cluster) -> str:
    """All manifests with the lab's images and addresses in them."""
    values = {
        "coredns_image": images.COREDNS,
        "local_path_image": images.LOCAL_PATH,
        "dns_address": cluster.dns_address,
    }
    texts = [_Template(path.read_text()).substitute(values) for path in sorted(MANIFESTS.glob("*.yaml"))]
    return "---\n".join(texts)


def apply(cluster: Cluster, check: bool = False) -> list[str]:
    """Apply what differs; one line for each object that was (or would be) made or changed."""
    arguments = ["apply", "-f", "-", *(["--dry-run=server"] if check else [])]
    lines = kubectl(cluster, *arguments, stdin=manifests(cluster)).splitlines()
    return [line.removesuffix(" (server dry run)") for line in lines if " unchanged" not in line]


def wait_nodes(cluster: Cluster, nodes: Sequence[str], timeout: int) -> None:
    """Wait until the nodes are Ready, then until DNS answers."""
    targets = [f"node/{name}" for name in nodes]
    kubectl(cluster, "wait", "--for=condition=Ready", f"--timeout={timeout}s", *targets, timeout=timeout + 30)
    for workload in ("deployment/coredns", "daemonset/local-path"):
        kubectl(
            cluster, "-n", "kube-system", "rollout", "status", workload, f"--timeout={timeout}s", timeout=timeout + 30
        )
