# SPDX-License-Identifier: Apache-2.0
"""What vCluster refuses, or silently ignores, although its chart's schema lets it pass.

Source: vCluster's own validation at its start (pkg/config/validation.go, chart/templates/_validate.tpl). A control
plane that dies of it shows no more than a restarting pod, after the fabric and the servers were changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .paths import Values
from .paths import at as _at

_NETWORKS = "k8s.v1.cni.cncf.io/networks"
_IN_THE_TENANT_CLUSTER = "install it in the tenant cluster instead"
#: What has no place in a control plane with private nodes, and what to do instead.
NOT_WITH_PRIVATE_NODES = {
    "integrations.metricsServer.enabled": "write deploy.metricsServer.enabled instead",
    "integrations.certManager.enabled": _IN_THE_TENANT_CLUSTER,
    "integrations.externalSecrets.enabled": _IN_THE_TENANT_CLUSTER,
    "integrations.istio.enabled": _IN_THE_TENANT_CLUSTER,
    "integrations.kubeVirt.enabled": _IN_THE_TENANT_CLUSTER,
    "controlPlane.coredns.embedded": "its DNS runs on its nodes",
    "controlPlane.hostPathMapper.enabled": "its nodes have paths of their own",
    "sync.toHost.namespaces.enabled": "its pods run on its own nodes",
}
SCHEDULERS = ("controlPlane.distro.k8s.scheduler.enabled", "controlPlane.advanced.virtualScheduler.enabled")
_NODES_FROM_HOST = "sync.fromHost.nodes.enabled"
_SQLITE = "controlPlane.backingStore.database.embedded.enabled"
_EMBEDDED_ETCD = "controlPlane.backingStore.etcd.embedded.enabled"
BACKING_STORES = (
    _EMBEDDED_ETCD,
    "controlPlane.backingStore.etcd.deploy.enabled",
    "controlPlane.backingStore.etcd.external.enabled",
    _SQLITE,
    "controlPlane.backingStore.database.external.enabled",
)
#: Values that follow from a variable, which the address plan and the checks go by.
VARIABLES = {
    "controlPlane.statefulSet.highAvailability.replicas": "tenant_cluster_replicas",
    "networking.podCIDR": "tenant_cluster_pod_cidr",
    "networking.serviceCIDR": "tenant_cluster_service_cidr",
}
POD_SECURITY_STANDARDS = ("", "privileged", "baseline", "restricted")


def mistakes(ours: Values, theirs: Values, private_nodes: bool = True) -> Iterator[tuple[str, str]]:
    """Mistakes in the values that a user adds to those that are made from variables: their path, and what is wrong."""
    yield from _private_nodes(ours, theirs) if private_nodes else _shared_nodes(ours, theirs)
    for path in SCHEDULERS:
        if _merged(ours, theirs, path) is True and _merged(ours, theirs, _NODES_FROM_HOST) is not True:
            yield path, f"vCluster refuses it without {_NODES_FROM_HOST}; private nodes have a scheduler anyway"
    for path, variable in VARIABLES.items():
        value = _at(theirs, path)
        if value is not None and _at(ours, path) not in (None, value):
            yield path, f"is {value} here and {_at(ours, path)} by {variable}: set that variable"
    yield from _backing_store(ours, theirs)
    yield from _scalars(theirs)


def _private_nodes(ours: Values, theirs: Values) -> Iterator[tuple[str, str]]:
    if _merged(ours, theirs, "privateNodes.enabled") is not True:
        yield "privateNodes.enabled", "the servers of a tenant cluster are its private nodes: leave it out"
    for path, instead in NOT_WITH_PRIVATE_NODES.items():
        if _merged(ours, theirs, path) is True:
            yield path, f"vCluster refuses it with private nodes: {instead}"


def _shared_nodes(ours: Values, theirs: Values) -> Iterator[tuple[str, str]]:
    if _merged(ours, theirs, "privateNodes.enabled") is True:
        yield (
            "privateNodes.enabled",
            "it runs on the host cluster's nodes: put it into the group tenant_clusters for servers of its own",
        )
    if _merged(ours, theirs, "controlPlane.endpoint") is not None:
        yield "controlPlane.endpoint", "vCluster refuses it without private nodes"
    if all(_merged(ours, theirs, f"sync.{side}.storageClasses.enabled") is True for side in ("fromHost", "toHost")):
        yield "sync.toHost.storageClasses.enabled", "cannot be together with those of the host cluster"


def _backing_store(ours: Values, theirs: Values) -> Iterator[tuple[str, str]]:
    chosen = [path for path in BACKING_STORES if _merged(ours, theirs, path) is True] or [_SQLITE]
    if len(chosen) > 1:
        added = next((path for path in chosen if _at(theirs, path) is True), chosen[0])
        others = [path for path in chosen if path != added]
        yield added, f"there can be one backing store: set {' and '.join(others)} to false"
    replicas = _at(ours, "controlPlane.statefulSet.highAvailability.replicas")
    if chosen == [_SQLITE] and isinstance(replicas, int) and replicas > 1:
        yield (
            "controlPlane.backingStore",
            f"is SQLite, which one replica can use, and tenant_cluster_replicas is {replicas}: take etcd",
        )


def _scalars(theirs: Values) -> Iterator[tuple[str, str]]:
    annotations = _at(theirs, "controlPlane.statefulSet.annotations")
    if isinstance(annotations, Mapping) and _NETWORKS in annotations:
        yield (
            f"controlPlane.statefulSet.annotations.{_NETWORKS}",
            "reaches no pod: write it below controlPlane.statefulSet.pods.annotations",
        )
    endpoint = _at(theirs, "controlPlane.endpoint")
    if endpoint is not None:
        host, _colon, port = str(endpoint).rpartition(":")
        if not host or not port.isdigit():
            yield "controlPlane.endpoint", f"'{endpoint}' is not HOST:PORT"
    standard = _at(theirs, "policies.podSecurityStandard")
    if standard is not None and standard not in POD_SECURITY_STANDARDS:
        known = ", ".join(each for each in POD_SECURITY_STANDARDS if each)
        yield "policies.podSecurityStandard", f"'{standard}' is none of {known}"


def _merged(ours: Values, theirs: Values, path: str) -> Any:
    """The value that the chart will see: the user's wins."""
    value = _at(theirs, path)
    return _at(ours, path) if value is None else value
