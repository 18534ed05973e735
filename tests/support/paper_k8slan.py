"""Stands in for nodes with k8slan in tests of what is told through the API: nothing of it is a network.

python -m tests.support.paper_k8slan KUBECONFIG

Nodes that somebody has made report that they are Ready, pods of DaemonSets get the node that they are meant for, and
on each node the finalizers, attachments and resources of LANs come and go as k8slan 0.0.2 makes them. A node that is
deleted, or has the label paper/dead, does nothing any more.
"""

from __future__ import annotations

import datetime
import json
import sys
import time
from typing import Any

from kubernetes import client, config

GROUP, VERSION, LANS = "lan.k8slan.io", "v1beta1", "lans"
NETWORKS = ("k8s.cni.cncf.io", "v1", "network-attachment-definitions")
DAEMON_SET = "k8slan-ds"
DEAD = "paper/dead"


def beat(core: Any, node: Any, resources: list[str]) -> None:
    """The node is Ready and offers what it shall offer, and nothing else of k8slan's."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"type": "Ready", "status": "True", "reason": "Paper", "message": "", "lastHeartbeatTime": now}
    offered = dict.fromkeys(resources, "1")
    gone = {key: None for key in node.status.allocatable or {} if "k8slan" in key and key not in offered}
    figures = {**offered, **gone}
    status = {"conditions": [condition], "capacity": figures, "allocatable": figures}
    core.patch_node_status(node.metadata.name, {"status": status})


def bind(core: Any, nodes: list[str]) -> None:
    """What a scheduler would do for pods of DaemonSets, which name their node."""
    for pod in core.list_pod_for_all_namespaces(field_selector="spec.nodeName=").items:
        affinity = pod.spec.affinity and pod.spec.affinity.node_affinity
        required = affinity and affinity.required_during_scheduling_ignored_during_execution
        terms = required.node_selector_terms if required else []
        named = [value for term in terms for field in term.match_fields or [] for value in field.values]
        if named and named[0] in nodes:
            target = client.V1ObjectReference(kind="Node", name=named[0])
            body = client.V1Binding(metadata=client.V1ObjectMeta(name=pod.metadata.name), target=target)
            core.create_namespaced_binding(pod.metadata.namespace, body, _preload_content=False)


def attachments(lan: dict[str, Any]) -> list[dict[str, Any]]:
    metadata = lan["metadata"]
    owner = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "LAN", "name": metadata["name"], "uid": metadata["uid"]}
    made = []
    for spoke in lan["spec"]["spokes"]:
        for kind, plugin in (("veth", {"type": "k8slanveth", "veth": spoke}), ("mac", {"type": "macvtap"})):
            name = f"k8slan-{kind}-{spoke}"
            annotations = {"k8s.v1.cni.cncf.io/resourceName": f"macvtap.k8slan.io/{name}"}
            made.append(
                {
                    "apiVersion": "k8s.cni.cncf.io/v1",
                    "kind": "NetworkAttachmentDefinition",
                    "metadata": {"name": name, "annotations": annotations, "ownerReferences": [owner]},
                    "spec": {"config": json.dumps({"cniVersion": "0.3.1", "name": name, **plugin})},
                }
            )
    return made


def tend_lan(custom: Any, lan: dict[str, Any], hosts: list[str]) -> None:
    metadata = lan["metadata"]
    place = (GROUP, VERSION, metadata["namespace"], LANS, metadata["name"])
    ours = [f"finalizer.k8slan.io/{host}" for host in hosts]
    there = metadata.get("finalizers") or []
    if metadata.get("deletionTimestamp"):
        wanted = [each for each in there if each not in ours]
    else:
        wanted = [*there, *(each for each in ours if each not in there)]
        for each in attachments(lan):
            try:
                custom.create_namespaced_custom_object(
                    NETWORKS[0], NETWORKS[1], metadata["namespace"], NETWORKS[2], each
                )
            except client.ApiException as error:
                if error.status != 409:
                    raise
    if wanted != there:
        patch = {"metadata": {"finalizers": wanted or None, "resourceVersion": metadata["resourceVersion"]}}
        custom.patch_namespaced_custom_object(*place, patch)


def tend(core: Any, custom: Any) -> None:
    """One round over everything."""
    nodes = [each for each in core.list_node().items if DEAD not in (each.metadata.labels or {})]
    names = [each.metadata.name for each in nodes]
    bind(core, names)
    try:
        lans = custom.list_cluster_custom_object(GROUP, VERSION, LANS)["items"]
    except client.ApiException as error:
        if error.status != 404:
            raise
        lans = []
    pods = core.list_pod_for_all_namespaces().items
    served = [
        each.spec.node_name
        for each in pods
        if any(owner.name == DAEMON_SET for owner in each.metadata.owner_references or [])
    ]
    hosts = [name for name in names if name in served]
    for lan in lans:
        tend_lan(custom, lan, hosts)
    standing = [each for each in lans if not each["metadata"].get("deletionTimestamp")]
    resources = [f"macvtap.k8slan.io/k8slan-{kind}-{spoke}" for lan in standing for spoke in lan["spec"]["spokes"]
                 for kind in ("veth", "mac")]  # fmt: skip
    for node in nodes:
        beat(core, node, resources if node.metadata.name in hosts else [])


def main(arguments: list[str]) -> None:
    config.load_kube_config(arguments[0])
    core, custom = client.CoreV1Api(), client.CustomObjectsApi()
    while True:
        try:
            tend(core, custom)
        except client.ApiException as error:
            if error.status not in (404, 409, 422):  # somebody was faster
                raise
        time.sleep(0.5)


if __name__ == "__main__":
    main(sys.argv[1:])
