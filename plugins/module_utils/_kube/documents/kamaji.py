"""A tenant cluster's control plane as Kamaji's TenantControlPlane."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from .common import NETWORKS_ANNOTATION, Document, known, labels, merge, node_label, one_per_node, require
from .network import CONTROL_PLANE

API_VERSION = "kamaji.clastix.io/v1alpha1"
KIND = "TenantControlPlane"
#: Carried by the pods of a control plane; set by Kamaji.
NAME_LABEL = "kamaji.clastix.io/name"
#: Set by us on the pods of all of them, to spread them out.
KIN_LABEL = "baremetal.fabric/control-plane"
KONNECTIVITY_PORT = 8132
# What an address plan gives to a control plane at least.
_ADDRESSES = 3


def tenant_control_plane(intent: Document) -> Document:
    """The TenantControlPlane, with its own share of `intent.kamaji.spec` merged last.

    `intent`: name, namespace, network_namespace, vip (None while unknown), port, replicas, pod_cidr, service_cidr,
    kubernetes_version, kamaji (all optional: datastore, coredns, kube_proxy, konnectivity, cert_sans, spec); optional:
    control_plane_range {start, end} and servers (how many can carry a pod of it), tolerations.
    """
    require(
        intent,
        ("name", "namespace", "network_namespace", "vip", "port", "replicas", "pod_cidr", "service_cidr",
         "kubernetes_version", "kamaji"),
    )  # fmt: skip
    spec = merge(control_plane_spec(intent), intent["kamaji"].get("spec") or {})
    metadata = {"name": intent["name"], "namespace": intent["namespace"], "labels": labels(intent["name"])}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def control_plane_spec(intent: Document) -> Document:
    """What follows from variables, without what the user merges into it."""
    kamaji = intent["kamaji"]
    network: Document = {
        # What nodes, konnectivity's agents and the cluster's own "kubernetes" Service are told; the address that the
        # host cluster knows stays the Service's. There is no other port anywhere: pod, Service and VIP share this one.
        "advertiseAddress": known(intent["vip"]),
        "port": int(intent["port"]),
        "podCidrs": [intent["pod_cidr"]],
        "serviceCidrs": [intent["service_cidr"]],
    }
    if kamaji.get("cert_sans"):
        network["certSANs"] = list(kamaji["cert_sans"])
    spec: Document = {
        "controlPlane": {
            "deployment": _deployment(intent),
            # The VIP is the load balancer's; within the host cluster a Service address is enough.
            "service": {"serviceType": "ClusterIP"},
        },
        "kubernetes": {
            "version": known(intent["kubernetes_version"]),
            "kubelet": {"cgroupfs": "systemd", "preferredAddressTypes": ["InternalIP"]},
        },
        "networkProfile": network,
        "addons": _addons(kamaji),
    }
    if kamaji.get("datastore"):
        spec["dataStore"] = kamaji["datastore"]
    return spec


def _deployment(intent: Document) -> Document:
    replicas = int(intent["replicas"])
    deployment: Document = {
        "replicas": replicas,
        "strategy": rollout(replicas, _room(intent)),
        "podAdditionalMetadata": {
            "annotations": {NETWORKS_ANNOTATION: f"{intent['network_namespace']}/{CONTROL_PLANE}"},
            "labels": {KIN_LABEL: "kamaji"},
        },
        "nodeSelector": node_label(intent["name"]),
        "affinity": one_per_node({NAME_LABEL: intent["name"]}, kin={KIN_LABEL: "kamaji"}),
    }
    if intent.get("tolerations"):
        deployment["tolerations"] = intent["tolerations"]
    return deployment


def _room(intent: Document) -> int:
    """How many pods can exist at the same time: each needs an address of the range and a server of its own."""
    span: dict[str, Any] = intent.get("control_plane_range") or {}
    addresses = max(_ADDRESSES, int(intent["replicas"]))
    if span.get("start") and span.get("end"):
        addresses = int(ip_address(span["end"])) - int(ip_address(span["start"])) + 1
    return min(addresses, int(intent.get("servers") or addresses))


def rollout(replicas: int, room: int) -> Document:
    """Kamaji's default starts as many new pods as there are old ones, which would wait for addresses for ever."""
    if room > replicas:
        return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}


def _addons(kamaji: Document) -> Document:
    addons: Document = {}
    if kamaji.get("coredns", True):
        addons["coreDNS"] = {}
    if kamaji.get("kube_proxy", True):
        addons["kubeProxy"] = {}
    # Off by default: the control plane's pods have a leg in the nodes' VLAN and reach the kubelets themselves.
    if kamaji.get("konnectivity"):
        addons["konnectivity"] = {"server": {"port": KONNECTIVITY_PORT}, "agent": {"mode": "DaemonSet"}}
    return addons
