"""The Helm values of a tenant cluster's control plane, for vCluster's chart with private nodes."""

from __future__ import annotations

from .common import NETWORKS_ANNOTATION, Document, known, merge, node_label, one_per_node, require
from .network import CONTROL_PLANE


def control_plane_values(intent: Document) -> Document:
    """Values for the chart `vcluster`.

    `intent`: name, network_namespace, vip (None while unknown), port, replicas, pod_cidr, service_cidr; optional:
    kubernetes_version, storage_class, storage_size, tolerations, licence_secret, values (merged last).
    """
    require(intent, ("name", "network_namespace", "vip", "port", "replicas", "pod_cidr", "service_cidr"))
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
    claim = {"size": intent.get("storage_size"), "storageClass": intent.get("storage_class")}
    if any(claim.values()):
        stateful_set["persistence"] = {"volumeClaim": {key: value for key, value in claim.items() if value}}
    values: Document = {
        "controlPlane": {
            "endpoint": endpoint,
            "statefulSet": stateful_set,
            "backingStore": {"etcd": {"embedded": {"enabled": True}}},
            "coredns": {"enabled": True},
        },
        "privateNodes": {"enabled": True},
        "networking": {"podCIDR": intent["pod_cidr"], "serviceCIDR": intent["service_cidr"]},
        "exportKubeConfig": {"context": intent["name"], "server": f"https://{endpoint}"},
    }
    if intent.get("kubernetes_version"):
        values["controlPlane"]["distro"] = {"k8s": {"version": intent["kubernetes_version"]}}
    if intent.get("licence_secret"):
        values["platform"] = {"apiKey": {"secretName": intent["licence_secret"]}}
    return merge(values, intent.get("values") or {})
