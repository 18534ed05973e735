"""The control plane of the examples, once: what tests render, validate and compare with golden files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

EXAMPLE: dict[str, Any] = {
    "name": "blue",
    "network_namespace": "vcluster-blue-networks",
    "vip": "192.168.67.253",
    "port": 443,
    "replicas": 3,
    "pod_cidr": "10.244.0.0/16",
    "service_cidr": "10.96.0.0/16",
}

_IMAGE = {"registry": "registry.example.test", "repository": "mirror/image", "tag": "v1"}
#: What each typed option may hold, every suboption at least once. As the role hands it on.
OPTIONS: dict[str, list[Any]] = {
    "kubernetes_version": ["v1.34.0"],
    "storage_class": ["fast"],
    "storage_size": ["10Gi"],
    "storage": [{"persistent": True, "retention": "Delete"}, {"persistent": False}],
    "backing_store": [
        {"kind": "embedded_etcd"},
        {
            "kind": "deployed_etcd", "replicas": 3, "image": _IMAGE, "persistent": True, "storage_size": "8Gi",
            "storage_class": "fast",
        },
        {"kind": "deployed_etcd", "persistent": False},
        {"kind": "sqlite"},
        {
            "kind": "external_database", "data_source": "postgres://blue:word@sql.example.test:5432/blue",
            "tls_secret": "sql-client",
        },
        {"kind": "external_database", "connector": "postgres"},
    ],
    "images": [
        {
            "registry": "registry.example.test", "control_plane": _IMAGE, "kubernetes": _IMAGE,
            "pull_policy": "IfNotPresent", "pull_secrets": ["registry"],
        },
    ],
    "resources": [{"requests": {"cpu": "500m"}, "limits": {"memory": "4Gi"}}],
    "priority_class": ["tenants"],
    "extra_args": [{"api_server": ["--v=4"], "controller_manager": ["--v=4"], "scheduler": ["--v=4"]}],
    "dns": [{"replicas": 3, "image": "registry.example.test/coredns:1.12.0"}],
    "isolation": [
        {
            "network_policy": True, "pod_security": "baseline",
            "quota": {"hard": {"count/pods": 30}, "room": {"requests.cpu": 2}},
            "limits": {
                "default": {"cpu": "2"}, "default_request": {"cpu": "50m"}, "max": {"memory": "8Gi"},
                "min": {"cpu": "1m"},
            },
        },
        {"quota": {"enabled": True}, "limits": {"enabled": True}},
    ],
    "addons": [
        {
            "flannel": False, "kube_proxy": False, "local_path": False, "konnectivity": False, "metrics_server": True,
            "cloud_controller_manager": False, "konnectivity_agents": 2,
            "metallb_addresses": ["192.168.64.10-192.168.64.20"],
        },
    ],
    "exposure": [
        {"type": "NodePort", "node_port": 30443, "names": ["api.example.test"]},
        {
            "type": "LoadBalancer", "annotations": {"metallb.io/address-pool": "api"},
            "ingress": {"host": "api.example.test", "class": "nginx", "annotations": {"a": "b"}},
        },
        {"gateway": {"host": "api.example.test", "parents": [{"name": "public", "namespace": "gateways"}]}},
    ],
    "endpoint_mode": ["kube_vip_embedded"],
    "gateway": ["192.168.67.254/22"],
    "licence_secret": ["vcluster-platform-api-key"],
    "tolerations": [[{"key": "x", "operator": "Exists"}]],
    "values": [{"logging": {"encoding": "json"}}],
}  # fmt: skip

#: One on shared nodes, and what it alone may have.
SHARED_EXAMPLE: dict[str, Any] = {"name": "amber", "nodes": "shared", "replicas": 1}
SHARED_OPTIONS: dict[str, list[Any]] = {
    "host_nodes": [
        {"show": "labelled", "labels": {"zone": "a"}, "scheduler": True, "sync_back": True},
        {"show": "all", "scheduler": True},
        {"show": "used"},
        {"show": "pseudo"},
    ],
    "sync": [
        {
            "storage_classes": "host", "persistent_volumes": True, "ingresses": True, "names": True,
            "services_from_host": [{"from": "monitoring/prometheus", "to": "default/prometheus"}],
            "services_to_host": [{"from": "default/web", "to": "web"}],
        },
        {"storage_classes": "tenant"},
    ],
    "plugins": [{"hooks": {"image": "registry.example.test/hooks:1.0"}}],
}  # fmt: skip
#: Of the others what means something there.
_ON_SHARED_NODES = ("backing_store", "dns", "exposure", "images", "isolation", "resources", "storage", "tolerations")


def combinations() -> Iterator[tuple[str, dict[str, Any]]]:
    """The example alone, with each value of each option, and each backing store with everything else at once."""
    yield "plain", {**EXAMPLE}
    yield "plan", {**EXAMPLE, "vip": None, "replicas": 1}
    yield from _on_shared_nodes()
    everything = {key: values[0] for key, values in OPTIONS.items()}
    for key, values in OPTIONS.items():
        for number, value in enumerate(values):
            yield f"{key}-{number}", {**EXAMPLE, key: value}
            if key in ("backing_store", "exposure", "isolation"):
                yield f"everything-{key}-{number}", {**EXAMPLE, **everything, key: value}


def _on_shared_nodes() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "shared", {**SHARED_EXAMPLE}
    options = {**SHARED_OPTIONS, **{key: OPTIONS[key] for key in _ON_SHARED_NODES}}
    everything = {key: values[0] for key, values in options.items()}
    for key, values in options.items():
        for number, value in enumerate(values):
            yield f"shared-{key}-{number}", {**SHARED_EXAMPLE, key: value}
            if key in SHARED_OPTIONS:
                yield f"shared-everything-{key}-{number}", {**SHARED_EXAMPLE, **everything, key: value}
