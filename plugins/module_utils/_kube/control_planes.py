"""A vCluster's control plane in the host cluster, and what it has made there for its tenant."""

from __future__ import annotations

import datetime

from .client import Cluster, Document
from .documents.network_policy import SYNCED_LABEL
from .errors import Gone

APPS = "apps/v1"


def moment() -> str:
    """Now, as vCluster's notes have it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def find(cluster: Cluster, name: str, namespace: str) -> Document:
    """A StatefulSet or, with some kinds of storage, a Deployment."""
    for kind in ("StatefulSet", "Deployment"):
        found = cluster.list(APPS, kind, namespace, labels=f"app=vcluster,release={name}")
        if found:
            return {"apiVersion": APPS, "kind": kind, **found[0]}
    raise Gone(f"tenant cluster {name} has no control plane in namespace {namespace}")


def synced_pods(cluster: Cluster, name: str, namespace: str) -> list[Document]:
    """What runs for a tenant on the host cluster's nodes."""
    return cluster.list("v1", "Pod", namespace, labels=f"{SYNCED_LABEL}={name}")
