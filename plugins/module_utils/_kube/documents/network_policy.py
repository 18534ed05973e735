"""Who reaches a control plane by the host cluster's pod network: its load balancer, itself, and whom the user allows.

The VLAN is no business of these policies: they hold for a pod's first interface only. Probes and port-forwards come
from the pod's own node, which a CNI always lets pass, so the way in of whoever runs the plays stays open.
"""

from __future__ import annotations

from typing import Any

from ..._vcluster.former_keys import release_of
from .common import Document, labels, on_shared_nodes, require
from .load_balancer import NAME as LOAD_BALANCER

CONTROL_PLANE, ENDPOINT = "control-plane", "api-load-balancer"
API_PORT = 8443
#: On what vCluster makes in its namespace for the tenant: the name of the release.
SYNCED_LABEL = "vcluster.loft.sh/managed-by"
#: Konnectivity's own port, which releases up to 0.30 have on their Service.
KONNECTIVITY_PORT, KONNECTIVITY_UNTIL = 8132, (0, 30)


def control_plane_policies(intent: Document) -> list[Document]:
    """Policies for the control plane's pods and for those of its load balancer.

    `intent`: name, namespace; optional: chart_version, exposure (as for the values), allow (a list of
    NetworkPolicyPeers that may reach the API), nodes (shared: the tenant's own pods are in the namespace, and there is
    no load balancer).
    """
    require(intent, ("name", "namespace"))
    own: Document = {
        "matchLabels": {"release": intent["name"]},
        "matchExpressions": [{"key": "app", "operator": "In", "values": ["vcluster", "vcluster-etcd"]}],
    }
    shared = on_shared_nodes(intent)
    tenant = {"podSelector": {"matchLabels": {SYNCED_LABEL: intent["name"]}}}
    balancer = {"podSelector": {"matchLabels": {"app": LOAD_BALANCER}}}
    ports = _ports(intent)
    ingress: list[Document] = [
        # etcd's members, etcd beside the control plane, and what reads or writes snapshots of it
        {"from": [{"podSelector": own}, {"podSelector": {"matchLabels": {"app": "vcluster-snapshot"}}}]},
        {"from": [tenant if shared else balancer, *(intent.get("allow") or [])], "ports": ports},
    ]
    if _exposed(intent.get("exposure") or {}):
        ingress.append({"ports": ports})
    policies = [_policy(intent, CONTROL_PLANE, own, ingress)]
    if not shared:
        # Its listener is also on the pod network, where only the node's probes have business.
        policies.append(_policy(intent, ENDPOINT, balancer["podSelector"], []))
    return policies


def _ports(intent: Document) -> list[Document]:
    release = release_of(intent.get("chart_version"))
    numbers = [API_PORT]
    if release is not None and release <= KONNECTIVITY_UNTIL:
        numbers.append(KONNECTIVITY_PORT)
    return [{"protocol": "TCP", "port": number} for number in numbers]


def _exposed(exposure: Document) -> bool:
    """Whoever comes through a node port, a load balancer or an ingress has an address that nobody knows beforehand."""
    kind: Any = exposure.get("type")
    return kind not in (None, "", "ClusterIP") or bool(exposure.get("ingress") or exposure.get("gateway"))


def _policy(intent: Document, name: str, pods: Document, ingress: list[Document]) -> Document:
    metadata = {"name": name, "namespace": intent["namespace"], "labels": labels(intent["name"])}
    spec: Document = {"podSelector": pods, "policyTypes": ["Ingress"]}
    if ingress:
        spec["ingress"] = ingress
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
