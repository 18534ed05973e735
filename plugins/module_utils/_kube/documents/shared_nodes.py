"""The values of a tenant cluster without servers of its own: vCluster runs its pods on the host cluster's nodes.

There is no VLAN, no VIP and no join; pods appear in the control plane's namespace under names of vCluster's making.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .common import Document, one_per_node, shared_node_label
from .control_plane_options import DEPLOYED_ETCD, backing_store_kind
from .fragments import fragment, merged

#: What the tenant sees of the host cluster's nodes: stand-ins for those that run its pods, those themselves, the ones
#: that carry the tenant cluster's label, or all.
PSEUDO, USED, LABELLED, ALL = SHOWN = ("pseudo", "used", "labelled", "all")
#: Whose storage classes the tenant uses.
OF_HOST, OF_TENANT = STORAGE_CLASSES = ("host", "tenant")

_NODES = "sync.fromHost.nodes"
_ETCD_SELECTOR = "controlPlane.backingStore.etcd.deploy.statefulSet.scheduling.nodeSelector"


def base(intent: Document) -> Document:
    """What follows from the intent without anybody choosing it."""
    name = intent["name"]
    scheduling: Document = {
        "nodeSelector": shared_node_label(name),
        "affinity": one_per_node({"app": "vcluster", "release": name}, kin={"app": "vcluster"}),
    }
    if intent.get("tolerations"):
        scheduling["tolerations"] = intent["tolerations"]
    stateful_set = {"highAvailability": {"replicas": int(intent["replicas"])}, "scheduling": scheduling}
    return merged(
        {"controlPlane": {"statefulSet": stateful_set, "coredns": {"enabled": True}}},
        {"exportKubeConfig": {"context": name}},
        fragment("exportKubeConfig.server", _server(intent.get("exposure") or {})),
        {} if intent.get("host_nodes") else _host_nodes({}, name),
        fragment(_ETCD_SELECTOR, shared_node_label(name) if backing_store_kind(intent) == DEPLOYED_ETCD else None),
    )


def parts(intent: Document) -> list[tuple[str, Document]]:
    """For each variable of this kind alone that is set, its values."""
    built = [
        (variable, translate(intent[key], intent["name"]))
        for key, (variable, translate) in _TRANSLATED.items()
        if intent.get(key)
    ]
    return [(variable, values) for variable, values in built if values]


def _server(exposure: Document) -> str | None:
    """Where those reach the API who are given the administrator's kubeconfig; without one they forward a port."""
    hosts = [(exposure.get(way) or {}).get("host") for way in ("ingress", "gateway")]
    return next((f"https://{host}" for host in hosts if host), None)


def _host_nodes(option: Document, name: str) -> Document:
    """The label is what keeps pods where they belong: vCluster adds it to the node selector of each."""
    show = option.get("show") or LABELLED
    label = {**shared_node_label(name), **(option.get("labels") or {})}
    return merged(
        fragment(f"{_NODES}.enabled", show != PSEUDO),
        fragment(f"{_NODES}.selector.labels", label if show in (PSEUDO, LABELLED) else None),
        fragment(f"{_NODES}.selector.all", True if show == ALL else None),
        fragment(f"{_NODES}.syncBackChanges", option.get("sync_back")),
        fragment("controlPlane.distro.k8s.scheduler.enabled", option.get("scheduler")),
    )


def _sync(option: Document, _name: str) -> Document:
    classes = option.get("storage_classes")
    return merged(
        fragment("sync.fromHost.storageClasses.enabled", True if classes == OF_HOST else None),
        fragment("sync.toHost.storageClasses.enabled", True if classes == OF_TENANT else None),
        fragment("sync.toHost.persistentVolumes.enabled", option.get("persistent_volumes")),
        fragment("sync.toHost.ingresses.enabled", option.get("ingresses")),
        fragment("sync.fromHost.ingressClasses.enabled", option.get("ingresses")),
        fragment("networking.advanced.fallbackHostCluster", option.get("names")),
        fragment("networking.replicateServices.fromHost", _pairs(option.get("services_from_host"))),
        fragment("networking.replicateServices.toHost", _pairs(option.get("services_to_host"))),
    )


def _pairs(services: Any) -> list[Document]:
    return [{"from": each["from"], "to": each["to"]} for each in services or []]


def _plugins(option: Document, _name: str) -> Document:
    return fragment("plugins", option)


#: Of the control plane's intent: key, and the variable and the translation that belong to it.
_TRANSLATED: dict[str, tuple[str, Callable[[Document, str], Document]]] = {
    "host_nodes": ("tenant_cluster_host_nodes", _host_nodes),
    "sync": ("tenant_cluster_sync", _sync),
    "plugins": ("tenant_cluster_plugins", _plugins),
}
