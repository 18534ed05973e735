# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""What the host cluster and the tenant clusters themselves say about tenant clusters. Read-only; private."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._host_cluster.cni import Cni, detect, enforces_network_policies
from .._host_cluster.survey import take_snapshot
from .._kube import backends
from .._kube.client import Cluster, Document, describe
from .._kube.documents.network_policy import CONTROL_PLANE
from .._kube.errors import KubeError
from .._kube.readiness import is_true, node_state
from .._kube.tenant_api import open_tenant, read_access

LEASE = "apiserver-lb"
NODE_LABEL = "tenant.baremetal.fabric/"
_WHEREABOUTS = "whereabouts.cni.cncf.io/v1alpha1"


def tenant_info(host: Cluster, name: str, namespace: str, backend: str | None = None) -> dict[str, Any]:
    """A tenant cluster's control plane, the holder of its API endpoint, and its nodes, or why they cannot be read."""
    info: dict[str, Any] = {"ca": None, "control_planes": [], "endpoint_holder": None, "nodes": [], "problem": None}
    pods = host.list("v1", "Pod", namespace)
    own = backends.find(backend).pod_labels(name).items()
    control_planes = [pod for pod in pods if own <= _labels(pod).items()]
    info["control_planes"] = sorted(
        (_pod(pod) for pod in control_planes if is_true(pod, "Ready")), key=lambda p: p["name"]
    )
    lease = host.get("coordination.k8s.io/v1", "Lease", LEASE, namespace)
    holder = ((lease or {}).get("spec") or {}).get("holderIdentity")
    info["endpoint_holder"] = next((_pod(pod) for pod in pods if pod["metadata"]["name"] == holder), None)
    try:
        info["ca"] = read_access(host, name, namespace, backend).ca
        info["nodes"] = _nodes(host, name, namespace, backend)
    except KubeError as error:
        info["problem"] = error.message
    return info


def pod_network_notes(host: Cluster, tenants: Mapping[str, str]) -> list[str]:
    """Which control planes any pod of the host cluster may reach; `tenants` are names and namespaces."""
    closed = {
        name: any(
            policy["metadata"]["name"] == CONTROL_PLANE
            for policy in host.list("networking.k8s.io/v1", "NetworkPolicy", namespace)
        )
        for name, namespace in tenants.items()
    }
    return describe_pod_network(closed, detect(take_snapshot(host, host.list("v1", "Node")))) if closed else []


def describe_pod_network(closed: Mapping[str, bool], cni: Cni) -> list[str]:
    """A sentence for each control plane that is open; `closed` says of which there is a network policy."""
    notes = []
    for name, has_policy in sorted(closed.items()):
        start = f"{name}: every pod of the host cluster reaches the control plane by the pod network:"
        if not has_policy:
            notes.append(f"{start} it has no network policy (tenant_cluster_network_policy)")
        elif not enforces_network_policies(cni):
            notes.append(f"{start} its network policy is there, but {cni.name} is not known to enforce any")
    return notes


def _nodes(host: Cluster, name: str, namespace: str, backend: str | None) -> list[dict[str, Any]]:
    with open_tenant(host, name, namespace, backend=backend) as tenant:
        nodes = tenant.list("v1", "Node")
    return sorted((_node(node) for node in nodes), key=lambda node: str(node["name"]))


def _node(node: Document) -> dict[str, Any]:
    status = node.get("status") or {}
    return {
        "name": node["metadata"]["name"],
        "ready": is_true(node, "Ready"),
        "state": node_state(node),
        "version": (status.get("nodeInfo") or {}).get("kubeletVersion", ""),
        "addresses": [entry["address"] for entry in status.get("addresses") or [] if entry["type"] == "InternalIP"],
    }


def _pod(pod: Document) -> dict[str, Any]:
    return {
        "name": pod["metadata"]["name"],
        "uid": pod["metadata"]["uid"],
        "node": (pod.get("spec") or {}).get("nodeName", ""),
    }


def _labels(document: Mapping[str, Any]) -> Mapping[str, str]:
    return (document.get("metadata") or {}).get("labels") or {}


def _tcp_port(pod: Mapping[str, Any]) -> int:
    """The first TCP port that a DNS pod declares; DNS has a port of its own, but distributions move it."""
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports") or []]
    return next((int(port["containerPort"]) for port in ports if port.get("protocol", "TCP") == "TCP"), 53)


def host_targets(host: Cluster) -> list[dict[str, Any]]:
    """Addresses inside the host cluster that tenants must not reach: its DNS pods, and its API's service address."""
    dns = [pod for pod in host.list("v1", "Pod", "kube-system", labels="k8s-app=kube-dns") if is_true(pod, "Ready")]
    targets = [
        {"name": f"pod {pod['metadata']['name']}", "address": pod["status"]["podIP"], "port": _tcp_port(pod)}
        for pod in sorted(dns, key=lambda pod: str(pod["metadata"]["name"]))
        if (pod.get("status") or {}).get("podIP")
    ]
    service = host.get("v1", "Service", "kubernetes", "default")
    if service:
        spec = service["spec"]
        targets.append(
            {"name": "service kubernetes", "address": spec["clusterIP"], "port": int(spec["ports"][0]["port"])}
        )
    return targets


def remains(host: Cluster, name: str, namespaces: list[str]) -> list[str]:
    """What the host cluster still holds of a tenant cluster, as ``Kind namespace/name``."""
    found: list[Document] = []
    found += [space for space in (host.get("v1", "Namespace", each) for each in namespaces) if space]
    found += [
        volume
        for volume in host.list("v1", "PersistentVolume")
        if ((volume.get("spec") or {}).get("claimRef") or {}).get("namespace") in namespaces
    ]
    for kind in ("IPPool", "OverlappingRangeIPReservation"):
        if host.serves(_WHEREABOUTS, kind):
            # Whereabouts prefixes a pool's name with the network's, which is the tenant cluster's.
            found += [
                pool
                for pool in host.list(_WHEREABOUTS, kind)
                if pool["metadata"]["name"] == name or pool["metadata"]["name"].startswith(f"{name}-")
            ]
    lines = [describe(document) for document in found]
    label = f"{NODE_LABEL}{name}"
    lines += [f"label {label} on {describe(node)}" for node in host.list("v1", "Node") if label in _labels(node)]
    return sorted(lines)
