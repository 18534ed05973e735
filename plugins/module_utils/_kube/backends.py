"""Where each of the programs that run tenant clusters' control planes keeps its access, and which pods are its own."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from . import yaml_text
from .client import Document
from .documents.kamaji import NAME_LABEL
from .errors import KubeError, Unreachable

DEFAULT = "vcluster"
#: Where every pod of a vCluster serves its API, whatever port the VIP has.
VCLUSTER_PORT = 8443


@dataclass(frozen=True)
class Access:
    """What the control plane's Secret holds; the private parts stay out of repr()."""

    ca: str
    certificate: str = field(repr=False)
    key: str = field(repr=False)
    kubeconfig: str = field(repr=False)
    server: str
    pod_port: int


@dataclass(frozen=True)
class Backend:
    """`secret` and `labels` name the Secret and the pods of a tenant cluster; `%s` is its name."""

    secret: str
    labels: dict[str, str]
    read: Callable[[dict[str, str], str], Access]

    def secret_name(self, tenant: str) -> str:
        return self.secret % tenant

    def pod_labels(self, tenant: str) -> dict[str, str]:
        return {key: value.replace("%s", tenant) for key, value in self.labels.items()}

    def access_of(self, secret: Document) -> Access:
        label = f"Secret {secret['metadata'].get('namespace')}/{secret['metadata']['name']}"
        data = secret.get("data") or {}
        return self.read({key: base64.b64decode(value).decode("utf-8") for key, value in data.items() if value}, label)


def find(name: str | None) -> Backend:
    return BACKENDS[name or DEFAULT]


def _require(text: dict[str, str], label: str, *keys: str) -> None:
    missing = [key for key in keys if not text.get(key)]
    if missing:
        raise Unreachable(f"{label} lacks {', '.join(missing)}")


def _vcluster(text: dict[str, str], label: str) -> Access:
    _require(text, label, "config", "certificate-authority", "client-certificate", "client-key")
    return Access(
        ca=text["certificate-authority"],
        certificate=text["client-certificate"],
        key=text["client-key"],
        kubeconfig=text["config"],
        server=str(_entry(text["config"], label, "clusters", "cluster")["server"]),
        pod_port=VCLUSTER_PORT,
    )


def _kamaji(text: dict[str, str], label: str) -> Access:
    """`admin.conf` has the address that nodes are told, `admin.svc` the Service's, whose port is the pods' as well."""
    _require(text, label, "admin.conf", "admin.svc")
    cluster = _entry(text["admin.svc"], label, "clusters", "cluster")
    user = _entry(text["admin.svc"], label, "users", "user")
    try:
        return Access(
            ca=_decoded(cluster["certificate-authority-data"]),
            certificate=_decoded(user["client-certificate-data"]),
            key=_decoded(user["client-key-data"]),
            kubeconfig=text["admin.conf"],
            server=str(_entry(text["admin.conf"], label, "clusters", "cluster")["server"]),
            pod_port=urlsplit(str(cluster["server"])).port or 443,
        )
    except (KeyError, ValueError) as error:
        raise KubeError(f"the kubeconfig admin.svc in {label} cannot be read: {error}") from error


def _entry(config: str, label: str, listed: str, key: str) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = yaml_text.load(config)[listed][0][key]
    except (ValueError, LookupError, TypeError) as error:
        raise KubeError(f"the kubeconfig in {label} cannot be read") from error
    return entry


def _decoded(value: str) -> str:
    return base64.b64decode(value).decode("utf-8")


BACKENDS = {
    "vcluster": Backend("vc-%s", {"app": "vcluster", "release": "%s"}, _vcluster),
    "kamaji": Backend("%s-admin-kubeconfig", {NAME_LABEL: "%s"}, _kamaji),
}
