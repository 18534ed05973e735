# SPDX-License-Identifier: Apache-2.0
"""A LAN as it is asked for, the object that it becomes, and the names that k8slan derives from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from .._kube.documents.common import MANAGED_BY

Document = dict[str, Any]

API_VERSION, KIND = "lan.k8slan.io/v1beta1", "LAN"
ATTACHMENT = ("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition")
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
RESOURCES = "macvtap.k8slan.io"
#: One for each node, with the node's host name after it.
FINALIZERS = "finalizer.k8slan.io/"
HOSTNAME_LABEL = "kubernetes.io/hostname"
#: Who attaches decides which of a spoke's two attachments is used, and never both.
KINDS = {"pod": "veth", "vm": "mac"}
#: v0.0.2 names attachments by the spoke; later revisions put the LAN's name before it.
NAMINGS = {"spoke": "k8slan-{kind}-{spoke}", "lan_spoke": "k8slan-{kind}-{lan}-{spoke}"}

DEFAULT_GROUP = "ff02::14"
#: Neither k8slan's own default (4789, Calico's) nor Linux' (8472, Flannel's and Cilium's).
DEFAULT_PORT = 14789


@dataclass(frozen=True)
class Spoke:
    """One place at a LAN: for one pod, or for one virtual machine."""

    name: str
    consumer: str = "pod"


@dataclass(frozen=True)
class Lan:
    name: str
    namespace: str
    netns: str
    bridge: str
    vxlan: str
    vni: int | None
    group: str
    port: int
    device: str
    devices: Mapping[str, str]
    spokes: tuple[Spoke, ...]
    naming: str = "spoke"

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.name

    def device_of(self, host: str) -> str:
        """The NIC that carries the LAN on a node; empty where none is named."""
        return self.devices.get(host) or self.device


def from_options(options: Mapping[str, Any], naming: str = "spoke") -> Lan:
    """`options`: one entry of the module's `lans`; what may be left out gets its default here."""
    name = str(options["name"])
    return Lan(
        name=name,
        namespace=options.get("namespace") or "default",
        netns=name if options.get("netns") is None else str(options["netns"]),
        bridge="br0" if options.get("bridge") is None else str(options["bridge"]),
        vxlan="vx0" if options.get("vxlan") is None else str(options["vxlan"]),
        vni=options.get("vni"),
        group=str(options.get("group") or DEFAULT_GROUP),
        port=DEFAULT_PORT if options.get("port") is None else int(options["port"]),
        device=str(options.get("device") or ""),
        devices={str(host): str(device) for host, device in sorted((options.get("devices") or {}).items())},
        spokes=tuple(Spoke(str(each["name"]), each.get("consumer") or "pod") for each in options.get("spokes") or []),
        naming=naming,
    )


def attachment(lan: Lan, spoke: Spoke, kind: str | None = None) -> str:
    """The name of the attachment that the spoke's consumer uses, or of that of a kind."""
    return NAMINGS[lan.naming].format(kind=kind or KINDS[spoke.consumer], lan=lan.name, spoke=spoke.name)


def resource(lan: Lan, spoke: Spoke) -> str:
    """What a pod must request to be attached."""
    return f"{RESOURCES}/{attachment(lan, spoke)}"


def document(lan: Lan) -> Document:
    """The LAN object, with our mark. Everything is said: what k8slan fills in later could not be changed any more."""
    spec: Document = {
        "ns": lan.netns,
        "bridge": lan.bridge,
        "vxlan": lan.vxlan,
        "vni": lan.vni,
        "vxlanGrp": lan.group,
        "vxlanPort": lan.port,
        "spokes": [each.name for each in lan.spokes],
    }
    if lan.device:
        spec["defaultVxlanDev"] = lan.device
    if lan.devices:
        spec["vxlanDevMap"] = dict(lan.devices)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": lan.name, "namespace": lan.namespace, "labels": {MANAGED_BY_LABEL: MANAGED_BY}},
        "spec": spec,
    }


def facts(lan: Lan) -> Document:
    """What whoever attaches must know of it."""
    return {
        "name": lan.name,
        "namespace": lan.namespace,
        "spokes": [
            {
                "name": each.name,
                "consumer": each.consumer,
                "attachment": f"{lan.namespace}/{attachment(lan, each)}",
                "resource": resource(lan, each),
            }
            for each in lan.spokes
        ],
    }


def ours(found: Document) -> bool:
    return (found["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) == MANAGED_BY


def key_of(found: Document) -> tuple[str, str]:
    return str(found["metadata"].get("namespace", "")), str(found["metadata"]["name"])


def shown(key: tuple[str, str]) -> str:
    return f"{key[0]}/{key[1]}"


def group_address(text: Any) -> str:
    """One spelling for each address; what is none is left as it is."""
    try:
        return str(ip_address(str(text)))
    except ValueError:
        return str(text)


def host_of(node: Document) -> str:
    """The host name by which k8slan knows a node, which need not be the node's name."""
    metadata = node["metadata"]
    return str((metadata.get("labels") or {}).get(HOSTNAME_LABEL) or metadata["name"])
