# SPDX-License-Identifier: Apache-2.0
"""A cluster on paper: nodes with k8slan on them, and LANs as they look when all is well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan import model
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan.consumers import Consumer
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan.model import Lan
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan.rules import Facts

NODES = ("shared1", "shared2")
EXAMPLE: dict[str, Any] = {
    "name": "lan-example",
    "vni": 222,
    "device": "eth0",
    "devices": {"shared2": "eth2"},
    "spokes": [{"name": "srl"}, {"name": "vm", "consumer": "vm"}],
}
OTHER: dict[str, Any] = {"name": "other", "vni": 223, "device": "eth0", "spokes": [{"name": "third"}]}


def lan(options: dict[str, Any] = EXAMPLE, naming: str = "spoke", **changes: Any) -> Lan:
    return model.from_options({**options, **changes}, naming)


def node(name: str, ready: bool = True, resources: Sequence[str] = (), **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {model.HOSTNAME_LABEL: name}},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": "4", **dict.fromkeys(resources, "1")},
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def agent(host: str, ready: bool = True) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"k8slan-ds-{host}",
            "namespace": "k8slan-system",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "k8slan-ds", "uid": "1"}],
        },
        "spec": {"nodeName": host},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def declared(lan: Lan, hosts: Sequence[str] = NODES, **metadata: Any) -> dict[str, Any]:
    """The LAN as the API returns it once the nodes have taken it up."""
    made = model.document(lan)
    made["metadata"] = {**made["metadata"], "finalizers": [f"{model.FINALIZERS}{host}" for host in hosts], **metadata}
    return made


def attachments(lan: Lan) -> list[dict[str, Any]]:
    return [
        {
            "kind": "NetworkAttachmentDefinition",
            "metadata": {
                "name": model.attachment(lan, spoke, kind),
                "namespace": lan.namespace,
                "ownerReferences": [{"kind": "LAN", "name": lan.name}],
            },
        }
        for spoke in lan.spokes
        for kind in model.KINDS.values()
    ]


def facts(*lans: Lan, **changes: Any) -> Facts:
    """All of them there and ready."""
    resources = [model.resource(lan, spoke) for lan in lans for spoke in lan.spokes]
    values: dict[str, Any] = {
        "lans": [declared(each) for each in lans],
        "attachments": [one for each in lans for one in attachments(each)],
        "namespaces": {"default"},
        "nodes": [node(each, resources=resources) for each in NODES],
        "agents": [agent(each) for each in NODES],
        "cni": "calico",
        "encapsulation": ["VXLANCrossSubnet"],
    }
    return Facts(**{**values, **changes})


def uses(kind: str, name: str, attachment: str) -> Consumer:
    return Consumer(kind, "team", name, ("default", attachment))
