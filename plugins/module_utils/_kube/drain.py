"""Takes a node out of a cluster: cordon, evict, delete."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from .client import Cluster, Document
from .errors import KubeError, UnknownKind, WaitTimeout
from .marks import CORDONED
from .readiness import conditions

_MIRROR = "kubernetes.io/config.mirror"


@dataclass(frozen=True)
class Limits:
    """How long pods may take to leave, and whether those that do not are removed from the API regardless."""

    timeout: float = 300.0
    force: bool = False
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def closed(node: Document) -> bool:
    return bool((node.get("spec") or {}).get("unschedulable"))


def cordon(cluster: Cluster, name: str) -> bool:
    """False if the node was closed to new pods already, by whomever; that we did it is noted on the node."""
    node = cluster.get("v1", "Node", name)
    if node is None or closed(node):
        return False
    annotations = {CORDONED: "true"}
    cluster.merge("v1", "Node", name, {"metadata": {"annotations": annotations}, "spec": {"unschedulable": True}})
    return True


def pods_to_evict(cluster: Cluster, name: str) -> list[Document]:
    """All pods of the node but those that would come back to it: a DaemonSet's and the kubelet's own."""
    return [pod for pod in cluster.list("v1", "Pod", fields=f"spec.nodeName={name}") if _moves(pod)]


def _moves(pod: Document) -> bool:
    metadata = pod["metadata"]
    if _MIRROR in (metadata.get("annotations") or {}):
        return False
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    owners = metadata.get("ownerReferences") or []
    return not any(owner.get("kind") == "DaemonSet" and owner.get("controller") for owner in owners)


def drain(cluster: Cluster, name: str, limits: Limits) -> list[str]:
    """Evicts until nothing is left to evict, respecting disruption budgets; returns the names of the pods."""
    deadline = limits.clock() + limits.timeout
    asked: set[str] = set()
    names: list[str] = []
    refusals: dict[str, str] = {}
    while True:
        pods = pods_to_evict(cluster, name)
        if not pods:
            return names
        if limits.clock() >= deadline:
            if not limits.force:
                raise WaitTimeout(_account(name, pods, refusals, limits.timeout))
            _remove(cluster, pods)
            return names
        for pod in pods:
            metadata = pod["metadata"]
            if metadata["uid"] in asked or metadata.get("deletionTimestamp"):
                continue
            where = f"{metadata['namespace']}/{metadata['name']}"
            refusal = _evict(cluster, pod)
            if refusal:
                refusals[where] = refusal
                continue
            asked.add(metadata["uid"])
            names.append(where)
        limits.sleep(1.0)


def _evict(cluster: Cluster, pod: Document) -> str:
    metadata = pod["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
    }
    try:
        cluster.request("post", path, body=body)
    except KubeError as error:
        if error.status == 404:
            return ""  # gone by itself
        if error.status in (409, 429, 500) and not isinstance(error, UnknownKind):
            return error.message  # a disruption budget says not now
        raise
    return ""


def _remove(cluster: Cluster, pods: list[Document]) -> None:
    """Without the kubelet's confirmation: for nodes that will never give it."""
    for pod in pods:
        metadata = pod["metadata"]
        cluster.delete(
            "v1", "Pod", metadata["name"], metadata["namespace"], propagation="Background", grace=0,
            uid=metadata["uid"],
        )  # fmt: skip


def _account(name: str, pods: list[Document], refusals: dict[str, str], timeout: float) -> str:
    lines = []
    for pod in pods:
        where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        state = "terminating, not confirmed by the kubelet" if pod["metadata"].get("deletionTimestamp") else "running"
        lines.append(f"{where} ({refusals.get(where, state)})")
    waited = f" after {timeout:.0f} s" if timeout else ""
    return f"node {name} is not empty{waited}: {'; '.join(lines)}"


def internal_addresses(node: Document) -> list[str]:
    addresses = (node.get("status") or {}).get("addresses") or []
    return [entry["address"] for entry in addresses if entry["type"] == "InternalIP"]


def heard_of(node: Document) -> bool:
    """Does its kubelet still report?"""
    return conditions(node).get("Ready", {}).get("status") != "Unknown"
