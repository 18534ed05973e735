"""What the documents of a tenant cluster have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Document = dict[str, Any]

#: Stands for what only the controller can tell, in plans that are made before it has been asked.
KNOWN_AFTER_APPLY = "(known after apply)"
MANAGED_BY = "baremetal.fabric"
TENANT_LABEL = "baremetal.fabric/tenant-cluster"
#: Of a namespace that a cluster administrator has made for a tenant cluster: its deletion leaves it there.
PREPARED_LABEL = "baremetal.fabric/prepared"
#: What a tenant cluster's pods run on: servers of its own, or the host cluster's.
PRIVATE_NODES, SHARED_NODES = "private", "shared"
NETWORKS_ANNOTATION = "k8s.v1.cni.cncf.io/networks"


class DocumentError(ValueError):
    """Input from which no sound document can be built."""


def known(value: Any) -> Any:
    """The value, or the text that takes its place while it is not known."""
    return KNOWN_AFTER_APPLY if value is None or value == "" else value


def labels(tenant: str) -> dict[str, str]:
    """Marks what is ours, so that a deletion can tell it from what is not."""
    return {"app.kubernetes.io/managed-by": MANAGED_BY, TENANT_LABEL: tenant}


def node_label(tenant: str) -> dict[str, str]:
    """Carried by the nodes of the host cluster that have the tenant cluster's bridge."""
    return {f"tenant.baremetal.fabric/{tenant}": "bridge"}


def on_shared_nodes(intent: Document) -> bool:
    return intent.get("nodes") == SHARED_NODES


def shared_node_label(tenant: str) -> dict[str, str]:
    """Carried by the nodes of the host cluster that run a tenant cluster without nodes of its own, pods and all."""
    return {f"tenant.baremetal.fabric/{tenant}": "node"}


def namespace(name: str, tenant: str, extra: dict[str, str] | None = None) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {**labels(tenant), **(extra or {})}},
    }


def one_per_node(match: dict[str, str], kin: dict[str, str] | None = None) -> Document:
    """Required, not preferred: two of them on one server would share its fate.

    ``kin`` are the labels of other tenant clusters' pods of the same kind, which are better spread out too.
    """
    own = {"labelSelector": {"matchLabels": match}, "topologyKey": "kubernetes.io/hostname"}
    rules: Document = {"requiredDuringSchedulingIgnoredDuringExecution": [own]}
    if kin:
        others = {**own, "labelSelector": {"matchLabels": kin}, "namespaceSelector": {}}
        rules["preferredDuringSchedulingIgnoredDuringExecution"] = [{"weight": 100, "podAffinityTerm": others}]
    return {"podAntiAffinity": rules}


def merge(base: Document, over: Document) -> Document:
    """`over` wins; dictionaries are merged, everything else, lists included, is replaced."""
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def require(intent: Document, keys: Iterable[str]) -> None:
    missing = [key for key in keys if key not in intent]
    if missing:
        raise DocumentError(f"missing: {', '.join(missing)}")
