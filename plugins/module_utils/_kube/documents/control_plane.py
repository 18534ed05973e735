"""The Helm values of a tenant cluster's control plane, for vCluster's chart."""

from __future__ import annotations

from ..._vcluster.former_keys import release_of
from . import control_plane_options as options
from . import shared_nodes
from .common import NETWORKS_ANNOTATION, Document, known, merge, node_label, on_shared_nodes, one_per_node, require
from .network import CONTROL_PLANE

#: The part of the values that no variable of its own stands for.
OURS = ""
THEIRS = "tenant_cluster_values"


def control_plane_values(intent: Document) -> Document:
    """Values for the chart `vcluster`.

    `intent`: name, network_namespace, vip (None while unknown), port, replicas, pod_cidr, service_cidr; optional:
    chart_version, kubernetes_version, storage_class, storage_size, storage, backing_store, images, resources,
    priority_class, extra_args, dns, isolation, addons, exposure, endpoint_mode, gateway, tolerations, licence_secret,
    values (merged last). With nodes: shared it has no leg in a VLAN, and network_namespace, vip, port, pod_cidr and
    service_cidr mean nothing; host_nodes, sync and plugins are for that kind alone.
    """
    values: Document = {}
    for _variable, fragment in control_plane_parts(intent):
        values = merge(values, fragment)
    return values


def control_plane_parts(intent: Document) -> list[tuple[str, Document]]:
    """The values by the variable that they come from, in the order in which they are merged."""
    release = release_of(intent.get("chart_version"))
    if on_shared_nodes(intent):
        require(intent, ("name", "replicas"))
        parts = [(OURS, shared_nodes.base(intent)), *options.parts(intent, release), *shared_nodes.parts(intent)]
    else:
        require(intent, ("name", "network_namespace", "vip", "port", "replicas", "pod_cidr", "service_cidr"))
        parts = [(OURS, _base(intent)), *options.parts(intent, release)]
    if intent.get("values"):
        parts.append((THEIRS, intent["values"]))
    return parts


def _base(intent: Document) -> Document:
    endpoint = f"{known(intent['vip'])}:{int(intent['port'])}"
    scheduling: Document = {
        "nodeSelector": node_label(intent["name"]),
        "affinity": one_per_node({"app": "vcluster", "release": intent["name"]}, kin={"app": "vcluster"}),
    }
    if intent.get("tolerations"):
        scheduling["tolerations"] = intent["tolerations"]
    stateful_set: Document = {
        "highAvailability": {"replicas": int(intent["replicas"])},
        # On the pod template. The chart's statefulSet.annotations, a level up, would never reach a pod.
        "pods": {"annotations": {NETWORKS_ANNOTATION: f"{intent['network_namespace']}/{CONTROL_PLANE}"}},
        "scheduling": scheduling,
    }
    control_plane: Document = {"endpoint": endpoint, "statefulSet": stateful_set}
    if options.backing_store_kind(intent) == options.EMBEDDED_ETCD:
        control_plane["backingStore"] = {"etcd": {"embedded": {"enabled": True}}}
    control_plane["coredns"] = {"enabled": True}
    return {
        "controlPlane": control_plane,
        "privateNodes": {"enabled": True},
        "networking": {"podCIDR": intent["pod_cidr"], "serviceCIDR": intent["service_cidr"]},
        "exportKubeConfig": {"context": intent["name"], "server": f"https://{endpoint}"},
    }
