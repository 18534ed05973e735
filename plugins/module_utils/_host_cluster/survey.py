# SPDX-License-Identifier: Apache-2.0
"""Reads from the API what the pure parts of this room judge. A handful of requests, whatever the cluster's size."""

from __future__ import annotations

from typing import Any

from .._kube.client import Cluster
from .._kube.errors import KubeError
from .cni import RESTARTED_FOR, Snapshot

Document = dict[str, Any]
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def take_snapshot(cluster: Cluster, nodes: list[Document]) -> Snapshot:
    snapshot = Snapshot(daemon_sets=cluster.list("apps/v1", "DaemonSet"), nodes=nodes)
    places = {workload["metadata"]["name"]: workload["metadata"]["namespace"] for workload in snapshot.daemon_sets}
    if "cilium" in places:
        config = cluster.get("v1", "ConfigMap", "cilium-config", places["cilium"])
        if config is not None:
            snapshot.cilium_config = dict(config.get("data") or {})
            snapshot.cilium_revision = str(config["metadata"].get("resourceVersion", ""))
            snapshot.cilium_restart = (config["metadata"].get("annotations") or {}).get(RESTARTED_FOR, "")
        selector = "owner=helm,name=cilium,status=deployed"
        snapshot.helm_releases = cluster.list("v1", "Secret", places["cilium"], labels=selector)
    if "calico-node" in places:
        snapshot.calico_installation = _optional(cluster, "operator.tigera.io/v1", "Installation", "default")
        snapshot.felix = _optional(cluster, "crd.projectcalico.org/v1", "FelixConfiguration", "default")
        snapshot.ip_pools = _optional_list(cluster, "crd.projectcalico.org/v1", "IPPool")
    for workload, holder in (("kube-flannel-ds", "kube-flannel-cfg"), ("canal", "canal-config")):
        if workload in places:
            snapshot.flannel_config = _config_map(cluster, holder, places[workload])
    snapshot.helm_charts = _optional_list(cluster, "helm.cattle.io/v1", "HelmChart", "kube-system")
    return snapshot


def default_storage_classes(cluster: Cluster) -> tuple[list[str], list[str]]:
    """The names of all StorageClasses, and of those that are the default."""
    classes = cluster.list("storage.k8s.io/v1", "StorageClass")
    names = [each["metadata"]["name"] for each in classes]
    defaults = [
        each["metadata"]["name"]
        for each in classes
        if (each["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
    ]
    return names, defaults


def node_summary(node: Document) -> Document:
    status = node.get("status") or {}
    conditions = {each["type"]: each["status"] for each in status.get("conditions") or []}
    return {
        "name": node["metadata"]["name"],
        "ready": conditions.get("Ready") == "True",
        "version": (status.get("nodeInfo") or {}).get("kubeletVersion", ""),
        "labels": node["metadata"].get("labels") or {},
    }


def _config_map(cluster: Cluster, name: str, namespace: str) -> dict[str, str] | None:
    found = cluster.get("v1", "ConfigMap", name, namespace)
    return None if found is None else dict(found.get("data") or {})


def _optional(cluster: Cluster, api_version: str, kind: str, name: str) -> Document | None:
    return cluster.get(api_version, kind, name) if cluster.serves(api_version, kind) else None


def _optional_list(cluster: Cluster, api_version: str, kind: str, namespace: str | None = None) -> list[Document]:
    try:
        return cluster.list(api_version, kind, namespace) if cluster.serves(api_version, kind) else []
    except KubeError as error:
        if error.status == 404:
            return []
        raise
