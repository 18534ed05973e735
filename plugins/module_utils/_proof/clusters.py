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
from .._kube.documents.common import PREPARED_LABEL
from .._kube.documents.network_policy import CONTROL_PLANE
from .._kube.errors import KubeError
from .._kube.readiness import is_true, node_state
from .._kube.refusals import FORBIDDEN, Refusals
from .._kube.tenant_api import open_tenant, read_access

LEASE = "apiserver-lb"
NODE_LABEL = "tenant.baremetal.fabric/"
_WHEREABOUTS = "whereabouts.cni.cncf.io/v1alpha1"


def tenant_info(host: Cluster, name: str, namespace: str, backend: str | None = None) -> dict[str, Any]:
    """A tenant cluster's control plane, the holder of its API endpoint, and its nodes, or why they cannot be read."""
    info = unread(None)
    try:
        _read_host(host, name, namespace, backend, info)
    except KubeError as error:
        if error.status != FORBIDDEN:
            raise
        info["problem"] = error.message
        return info
    try:
        info["ca"] = read_access(host, name, namespace, backend).ca
        info["nodes"] = _nodes(host, name, namespace, backend)
    except KubeError as error:
        info["problem"] = error.message
    return info


def unread(problem: str | None) -> dict[str, Any]:
    """What is known of a tenant cluster before it was read, and why it cannot be."""
    return {"ca": None, "control_planes": [], "endpoint_holder": None, "nodes": [], "problem": problem}


def _read_host(host: Cluster, name: str, namespace: str, backend: str | None, info: dict[str, Any]) -> None:
    pods = host.list("v1", "Pod", namespace)
    own = backends.find(backend).pod_labels(name).items()
    control_planes = [pod for pod in pods if own <= _labels(pod).items()]
    info["control_planes"] = sorted(
        (_pod(pod) for pod in control_planes if is_true(pod, "Ready")), key=lambda p: p["name"]
    )
    lease = host.get("coordination.k8s.io/v1", "Lease", LEASE, namespace)
    holder = ((lease or {}).get("spec") or {}).get("holderIdentity")
    info["endpoint_holder"] = next((_pod(pod) for pod in pods if pod["metadata"]["name"] == holder), None)


def is_closed(host: Cluster, namespace: str) -> bool:
    """Whether a network policy is to close the control plane in a namespace to other pods."""
    policies = host.list("networking.k8s.io/v1", "NetworkPolicy", namespace)
    return any(policy["metadata"]["name"] == CONTROL_PLANE for policy in policies)


def pod_network_notes(host: Cluster, closed: Mapping[str, bool], refusals: Refusals) -> list[str]:
    """Which control planes any pod of the host cluster may reach; `closed` says of which there is a network policy."""
    if not closed:
        return []
    unknown: Cni | None = None
    cni = refusals.ask(
        "whether the host cluster's CNI enforces network policies",
        lambda: detect(take_snapshot(host, host.list("v1", "Node"))),
        unknown,
    )
    return describe_pod_network(closed, cni)


def describe_pod_network(closed: Mapping[str, bool], cni: Cni | None) -> list[str]:
    """A sentence for each control plane that is open, as far as that can be told without knowing the CNI."""
    notes = []
    for name, has_policy in sorted(closed.items()):
        start = f"{name}: every pod of the host cluster reaches the control plane by the pod network:"
        if not has_policy:
            notes.append(f"{start} it has no network policy (tenant_cluster_network_policy)")
        elif cni is not None and not enforces_network_policies(cni):
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


def host_targets(host: Cluster, refusals: Refusals) -> list[dict[str, Any]]:
    """Addresses inside the host cluster that tenants must not reach: its DNS pods, and its API's service address."""
    nothing: list[Document] = []
    pods = refusals.ask(
        "whether tenants reach the host cluster's DNS",
        lambda: host.list("v1", "Pod", "kube-system", labels="k8s-app=kube-dns"),
        nothing,
    )
    dns = [pod for pod in pods if is_true(pod, "Ready")]
    targets = [
        {"name": f"pod {pod['metadata']['name']}", "address": pod["status"]["podIP"], "port": _tcp_port(pod)}
        for pod in sorted(dns, key=lambda pod: str(pod["metadata"]["name"]))
        if (pod.get("status") or {}).get("podIP")
    ]
    unknown: Document | None = None
    service = refusals.ask(
        "whether tenants reach the host cluster's API by its Service",
        lambda: host.get("v1", "Service", "kubernetes", "default"),
        unknown,
    )
    if service:
        spec = service["spec"]
        targets.append(
            {"name": "service kubernetes", "address": spec["clusterIP"], "port": int(spec["ports"][0]["port"])}
        )
    return targets


def remains(host: Cluster, name: str, namespaces: list[str], refusals: Refusals) -> list[str]:
    """What the host cluster still holds of a tenant cluster, as ``Kind namespace/name``."""

    def look(what: str, api_version: str, kind: str) -> list[Document]:
        nothing: list[Document] = []
        return refusals.ask(f"{what} left of {name}", lambda: host.list(api_version, kind), nothing)

    found = [space for each in namespaces for space in _own_namespace(host, each, refusals)]
    found += [
        volume
        for volume in look("persistent volumes", "v1", "PersistentVolume")
        if ((volume.get("spec") or {}).get("claimRef") or {}).get("namespace") in namespaces
    ]
    for kind in ("IPPool", "OverlappingRangeIPReservation"):
        if host.serves(_WHEREABOUTS, kind):
            # Whereabouts prefixes a pool's name with the network's, which is the tenant cluster's.
            found += [
                pool
                for pool in look("address pools", _WHEREABOUTS, kind)
                if pool["metadata"]["name"] == name or pool["metadata"]["name"].startswith(f"{name}-")
            ]
    lines = [describe(document) for document in found]
    label = f"{NODE_LABEL}{name}"
    nodes = look("node labels", "v1", "Node")
    lines += [f"label {label} on {describe(node)}" for node in nodes if label in _labels(node)]
    return sorted(lines)


def _own_namespace(host: Cluster, name: str, refusals: Refusals) -> list[Document]:
    """The namespace, unless a cluster administrator has prepared it: then it stays with what belongs to them."""
    unknown: Document | None = None
    space = refusals.ask(f"whether namespace {name} is still there", lambda: host.get("v1", "Namespace", name), unknown)
    if space is not None and PREPARED_LABEL in _labels(space):
        refusals.note(
            f"namespace {name} stays: a cluster administrator prepared it and takes it back (tenant_credentials)"
        )
        return []
    return [space] if space is not None else []
