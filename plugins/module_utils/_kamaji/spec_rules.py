# SPDX-License-Identifier: Apache-2.0
"""Rules over the spec of a TenantControlPlane that stand in no schema: those in CEL, and those of Kamaji's webhook.

An API server reports them one by one, in the middle of a play; here they are told all at once, before it begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from .._kube import versions
from .._kube.documents.common import merge
from .._kube.documents.kamaji import KONNECTIVITY_PORT

Mistake = tuple[str, str]
Spec = Mapping[str, Any]

# A Service, named like the object, begins with a letter.
DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
VERSION = re.compile(r"v\d+\.\d+\.\d+")

#: What follows from a variable, which the address plan and the other roles go by.
_VARIABLES = {
    "networkProfile.advertiseAddress": "the address plan (tenant_cluster_vip)",
    "networkProfile.port": "tenant_cluster_api_port",
    "networkProfile.podCidrs": "tenant_cluster_pod_cidr",
    "networkProfile.podCidr": "tenant_cluster_pod_cidr",
    "networkProfile.serviceCidrs": "tenant_cluster_service_cidr",
    "networkProfile.serviceCidr": "tenant_cluster_service_cidr",
    "networkProfile.certSANs": "tenant_cluster_kamaji.cert_sans",
    "controlPlane.deployment.replicas": "tenant_cluster_replicas",
    "kubernetes.version": "tenant_cluster_kubernetes_version",
    "dataStore": "tenant_cluster_kamaji.datastore",
}
#: Addons that a variable switches on; whoever has one on may say more about it.
_ADDONS = {
    "addons.coreDNS": "tenant_cluster_kamaji.coredns",
    "addons.kubeProxy": "tenant_cluster_kamaji.kube_proxy",
    "addons.konnectivity": "tenant_cluster_kamaji.konnectivity",
}
_SERVICE_TYPE = "controlPlane.service.serviceType"
_SERVICE_TYPES = ("ClusterIP", "LoadBalancer", "NodePort")
_CLUSTER_DOMAIN = "networkProfile.clusterDomain"
_LOAD_BALANCER_ONLY = (
    "networkProfile.loadBalancerSourceRanges",
    "networkProfile.loadBalancerClass",
    "controlPlane.service.allocateLoadBalancerNodePorts",
)
_IMMUTABLE = (
    _CLUSTER_DOMAIN,
    "networkProfile.loadBalancerClass",
    "dataStoreSchema",
    "dataStoreUsername",
)
# Where no name is asked for, Kamaji makes one and writes it into the spec.
_CHOSEN_BY_KAMAJI = ("dataStoreSchema", "dataStoreUsername")
# Where an API server fills in what is left away.
_DEFAULTS = {_CLUSTER_DOMAIN: "cluster.local"}


def name_mistake(name: str) -> str | None:
    """Why `name` cannot be a TenantControlPlane's although it is a DNS-1123 label."""
    if DNS_1035.fullmatch(name):
        return None
    return f"'{name}' is not a valid name with Kamaji: it must begin with a letter (DNS-1035)"


def version_mistake(version: Any) -> str | None:
    """Why this cannot be `spec.kubernetes.version`."""
    if version is None or version == "":
        return "is required with Kamaji, which has no version of its own to offer; for example v1.35.0"
    if not VERSION.fullmatch(str(version)):
        return f"'{version}' does not look like v1.35.0"
    return None


def mistakes(ours: Spec, theirs: Spec) -> Iterator[Mistake]:
    """Mistakes in what a user merges into the spec that is made from variables: their path, and what is wrong."""
    for path, variable in _VARIABLES.items():
        value = _get(theirs, path)
        if value is not None and value != _get(ours, path):
            yield path, f"follows from {variable}: set that instead"
    for path, variable in _ADDONS.items():
        if _get(theirs, path) is not None and _get(ours, path) is None:
            yield path, f"is not there by {variable}: set that to true"
    merged = merge(dict(ours), dict(theirs))
    yield from _service(merged)
    yield from _network(merged)
    yield from _konnectivity(merged)


def _service(spec: Spec) -> Iterator[Mistake]:
    service_type = _get(spec, _SERVICE_TYPE)
    if service_type not in _SERVICE_TYPES:
        yield _SERVICE_TYPE, f"'{service_type}' is none of {', '.join(_SERVICE_TYPES)}"
        return
    for path in _LOAD_BALANCER_ONLY:
        if _get(spec, path) not in (None, []) and service_type != "LoadBalancer":
            yield path, f"needs {_SERVICE_TYPE} LoadBalancer, not {service_type}"
    if service_type == "NodePort" and not _get(spec, "networkProfile.address"):
        yield "networkProfile.address", f"is required with {_SERVICE_TYPE} NodePort"
    if _get(spec, "controlPlane.ingress") is not None and _get(spec, "controlPlane.gateway") is not None:
        yield "controlPlane.gateway", "cannot be set together with controlPlane.ingress"


def _network(spec: Spec) -> Iterator[Mistake]:
    domain = _get(spec, _CLUSTER_DOMAIN)
    if domain is not None and "." not in str(domain):
        yield _CLUSTER_DOMAIN, f"'{domain}' has no dot; for example cluster.local"
    ranges = "networkProfile.loadBalancerSourceRanges"
    for index, each in enumerate(_get(spec, ranges) or []):
        try:
            ip_network(str(each), strict=False)
        except ValueError:
            yield f"{ranges}[{index}]", f"'{each}' is no network such as 10.0.0.0/8"


def _konnectivity(spec: Spec) -> Iterator[Mistake]:
    agent = _get(spec, "addons.konnectivity.agent") or {}
    mode, replicas = agent.get("mode", "DaemonSet"), agent.get("replicas")
    if mode == "DaemonSet" and replicas:
        yield "addons.konnectivity.agent.replicas", "cannot be set with mode DaemonSet"
    if mode == "Deployment" and replicas == 0:
        yield "addons.konnectivity.agent.replicas", "must not be 0 with mode Deployment"
    port = konnectivity_port(spec)
    if port is not None and port == _get(spec, "networkProfile.port"):
        yield "addons.konnectivity.server.port", f"{port} is the port of the API endpoint already"


def konnectivity_port(spec: Spec) -> int | None:
    """The second port of the VIP; None without konnectivity."""
    if _get(spec, "addons.konnectivity") is None:
        return None
    return int(_get(spec, "addons.konnectivity.server.port") or KONNECTIVITY_PORT)


def refused_changes(before: Spec, after: Spec, upgrade: bool = False) -> list[str]:
    """Why an existing control plane is not to become what is asked for; a sentence for each field.

    All but one are Kamaji's reasons. `upgrade`: nodes follow, so that the next minor is no mistake.
    """
    found = []
    for path in _IMMUTABLE:
        was, wanted = (_get(spec, path) or _DEFAULTS.get(path) for spec in (before, after))
        if was == wanted or (wanted is None and path in _CHOSEN_BY_KAMAJI):
            continue
        found.append(f"{path} cannot be changed from {_shown(was)} to {_shown(wanted)}")
    old, new = (str(_get(spec, "kubernetes.version")) for spec in (before, after))
    why = _step(old, new, upgrade)
    return [*found, f"kubernetes.version cannot go from {old} to {new}: {why}"] if why else found


def _step(old: str, new: str, upgrade: bool) -> str | None:
    """Why there is no way from one version to another."""
    was, wanted = versions.parse(old), versions.parse(new)
    if was is None or wanted is None:
        return None
    taken = versions.step(was, wanted)
    if taken in (versions.Step.BACK, versions.Step.PATCH_BACK):
        return "Kamaji makes no downgrades"
    if taken is versions.Step.SKIP:
        return "one minor version at a time"
    if taken is versions.Step.MINOR and not upgrade:
        return "nodes have to follow another minor: run the playbook tenant_upgrade, which takes them along"
    return None


def _get(spec: Spec, path: str) -> Any:
    value: Any = spec
    for key in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"'{value}'"
