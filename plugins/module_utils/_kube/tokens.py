"""Bootstrap tokens of a tenant cluster: one per join, short-lived, withdrawn as soon as the node is in."""

from __future__ import annotations

import datetime
import re
import secrets
from dataclasses import dataclass, field

from .client import Cluster, Document
from .documents.common import MANAGED_BY
from .errors import KubeError

NAMESPACE = "kube-system"
NODE_LABEL = "baremetal.fabric/node"
_ID = re.compile(r"^[a-z0-9]{6}$")


@dataclass(frozen=True)
class Token:
    identifier: str
    secret: str = field(repr=False)
    expires: datetime.datetime

    @property
    def text(self) -> str:
        return f"{self.identifier}.{self.secret}"


def new_token(lifetime: int, now: datetime.datetime) -> Token:
    return Token(secrets.token_hex(3), secrets.token_hex(8), (now + datetime.timedelta(seconds=lifetime)))


def secret_of(token: Token, node: str) -> Document:
    """The Secret by which both Kubernetes and vCluster's join endpoint know the token."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "bootstrap.kubernetes.io/token",
        "metadata": {
            "name": secret_name(token.identifier),
            "namespace": NAMESPACE,
            "labels": {
                "app.kubernetes.io/managed-by": MANAGED_BY,
                NODE_LABEL: node[:63].rstrip("-."),  # labels are shorter than node names may be
                "vcluster.loft.sh/token": "true",
                "vcluster.loft.sh/token-node-type": "worker",
            },
        },
        "stringData": {
            "token-id": token.identifier,
            "token-secret": token.secret,
            "description": f"join of {node}, made by {MANAGED_BY}",
            "expiration": token.expires.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "usage-bootstrap-authentication": "true",
            "usage-bootstrap-signing": "true",
            "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token",
        },
    }


def secret_name(identifier: str) -> str:
    if not _ID.match(identifier):
        raise KubeError(f"{identifier!r} is not the id of a bootstrap token")
    return f"bootstrap-token-{identifier}"


def create(tenant: Cluster, node: str, lifetime: int) -> Token:
    token = new_token(lifetime, datetime.datetime.now(datetime.UTC))
    tenant.create(secret_of(token, node))
    return token


def tokens_of(tenant: Cluster, node: str) -> list[str]:
    """Ids of what we made for a node; more than one only if an earlier run was killed."""
    labels = f"app.kubernetes.io/managed-by={MANAGED_BY},{NODE_LABEL}={node[:63].rstrip('-.')}"
    found = tenant.list("v1", "Secret", NAMESPACE, labels=labels)
    return sorted(s["metadata"]["name"].removeprefix("bootstrap-token-") for s in found)


def revoke(tenant: Cluster, identifiers: list[str], *, dry_run: bool = False) -> list[str]:
    """Withdraws tokens and says which of them were still there."""
    return [
        identifier
        for identifier in identifiers
        if tenant.delete("v1", "Secret", secret_name(identifier), NAMESPACE, propagation="Background", dry_run=dry_run)
    ]
