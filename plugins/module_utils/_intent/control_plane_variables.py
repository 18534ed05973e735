# SPDX-License-Identifier: Apache-2.0
"""The typed options of a tenant cluster's control plane: one variable for each concern.

What they become in the values of vCluster's chart is in `_kube.documents.control_plane_options`; without a default here
the chart's holds.
"""

from __future__ import annotations

from typing import Any

from .._kube.documents.control_plane_options import BACKING_STORES
from .._kube.documents.shared_nodes import LABELLED, SHOWN, STORAGE_CLASSES

DEFAULT_CHART = "vcluster"
DEFAULT_CHART_VERSION = "0.36.1"
TIERS = ("Free", "Dev", "Prod", "Scale")
ENDPOINT_MODES = ("envoy_kube_vip", "kube_vip_embedded", "external")

_QUANTITY = "^[0-9]+(\\.[0-9]+)?(m|[kMGTPE]i?)?$"
_TEXT = {"type": "string", "minLength": 1}
_FREE = {"type": "object"}


def _object(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "default": {},
        "description": description,
        "additionalProperties": False,
        "properties": properties,
    }


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {**_TEXT, "description": description, **more}


def _flag(description: str) -> dict[str, Any]:
    return {"type": "boolean", "description": description}


def _count(description: str, minimum: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": "integer", "minimum": minimum, "description": description, **more}


def _texts(description: str) -> dict[str, Any]:
    return {"type": "array", "items": _TEXT, "default": [], "description": description}


def _free(description: str) -> dict[str, Any]:
    return {**_FREE, "description": description}


def _image(what: str) -> dict[str, Any]:
    parts = {
        "registry": "Registry, without a path.",
        "repository": "Name in the registry.",
        "tag": "Tag; by default the chart's.",
    }
    return _object(f"Image of {what}.", {name: _text(text) for name, text in parts.items()})


_BACKING_STORE = _object(
    "Where the control plane keeps its state; cannot be changed later.",
    {
        "kind": _text(
            "Etcd in the control plane's own pods, in pods beside them, SQLite in its one pod, or an SQL server.",
            enum=list(BACKING_STORES),
            default=BACKING_STORES[0],
        ),
        "replicas": _count("Pods of deployed etcd."),
        "image": _image("deployed etcd"),
        "persistent": _flag("Whether deployed etcd has volumes; without them its state dies with its pods."),
        "storage_size": _text("Size of deployed etcd's volumes.", pattern=_QUANTITY, examples=["5Gi"]),
        "storage_class": _text("StorageClass of deployed etcd's volumes."),
        "data_source": _text(
            "External database as mysql://USER:PASSWORD@tcp(HOST:PORT)/NAME or postgres://USER:PASSWORD@HOST:PORT/NAME."
            " A secret: keep it in a vault.",
            writeOnly=True,
        ),
        "connector": _text("Secret in a connected vCluster Platform by which that makes database and user."),
        "tls_secret": _text(
            "Secret in the control plane's namespace with ca.crt, tls.crt and tls.key for the external database."
        ),
    },
)
_STORAGE = _object(
    "The control plane's volumes, besides tenant_cluster_storage_class and tenant_cluster_storage_size.",
    {
        "persistent": _flag("Whether it has volumes; without them its state dies with its pods."),
        "retention": _text("What becomes of the volumes when the release goes.", enum=["Retain", "Delete"]),
    },
)
_IMAGES = _object(
    "Where the control plane's images come from.",
    {
        "registry": _text("Registry that stands in front of every image of vCluster."),
        "control_plane": _image("vCluster"),
        "kubernetes": _image("Kubernetes; with private nodes the chart appends -full to the tag"),
        "pull_policy": _text("When they are pulled.", enum=["Always", "IfNotPresent", "Never"]),
        "pull_secrets": _texts("Names of Secrets for the registry, in the control plane's namespace."),
    },
)
_RESOURCES = _object(
    "Resources of each pod of the control plane; what is named replaces the chart's.",
    {"requests": _free("Requests."), "limits": _free("Limits.")},
)
_EXTRA_ARGS = _object(
    "More arguments for the programs of the control plane, as --name=value.",
    {
        "api_server": _texts("For the API server."),
        "controller_manager": _texts("For the controller manager."),
        "scheduler": _texts("For the scheduler."),
    },
)
_DNS = _object(
    "CoreDNS of the tenant cluster.",
    {"replicas": _count("How many pods."), "image": _text("Its image.")},
)
_ISOLATION = _object(
    "What holds for the control plane's namespace in the host cluster.",
    {
        "network_policy": _flag("The chart's own network policies, which also restrict egress."),
        "quota": _object(
            "Resource quota of the namespace, which also caps its load balancer and virtual nodes.",
            {
                "enabled": _flag("Whether there is one; by default when anything of it is set."),
                "hard": _free("Limits as in a ResourceQuota, merged into the chart's."),
                "room": _free(
                    "What it must leave for pods besides control plane and load balancer, such as virtual nodes, by the"
                    " same names as in hard."
                ),
            },
        ),
        "limits": _object(
            "LimitRange of the namespace.",
            {
                "enabled": _flag("Whether there is one; by default when anything of it is set."),
                "default": _free("Limits of containers that name none."),
                "default_request": _free("Requests of containers that name none."),
                "max": _free("Largest limits."),
                "min": _free("Smallest requests."),
            },
        ),
        "pod_security": _text(
            "Pod security standard that vCluster enforces on synced pods; of no effect on private nodes.",
            enum=["privileged", "baseline", "restricted"],
        ),
    },
)
_ADDONS = _object(
    "What vCluster installs in the tenant cluster; the chart's defaults are true for the first five.",
    {
        "flannel": _flag("Flannel as CNI; false to bring your own."),
        "kube_proxy": _flag("kube-proxy; false if the CNI replaces it."),
        "local_path": _flag("A provisioner of local volumes, with a default StorageClass."),
        "konnectivity": _flag("Tunnels by which the API server reaches nodes that it has no route to."),
        "cloud_controller_manager": _flag("Initialises nodes; without it and without another one they stay tainted."),
        "konnectivity_agents": _count("Agents of Konnectivity."),
        "metrics_server": _flag("metrics-server."),
        "metallb_addresses": _texts("MetalLB with these addresses of the tenant's VLAN, for Services of its own."),
    },
)
_EXPOSURE = _object(
    "Ways to the API for those who are not on the tenant's VLAN, besides the VIP.",
    {
        "type": _text("Type of the Service.", enum=["ClusterIP", "NodePort", "LoadBalancer"]),
        "node_port": _count("Port on the host cluster's nodes, with type NodePort.", maximum=65535),
        "annotations": _free("Annotations of the Service, such as for a load balancer's controller."),
        "names": _texts("More names and addresses for the API's certificate."),
        "ingress": _object(
            "By the host cluster's ingress controller, which has to pass TLS through.",
            {
                "host": _text("Host name."),
                "class": _text("Ingress class."),
                "annotations": _free("Annotations, in place of the chart's."),
            },
        ),
        "gateway": _object(
            "By a Gateway of the host cluster that passes TLS through.",
            {
                "host": _text("Host name."),
                "parents": {"type": "array", "items": _FREE, "default": [], "description": "References to Gateways."},
            },
        ),
    },
)

_SERVICES = {
    "type": "array",
    "default": [],
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["from", "to"],
        "properties": {
            "from": _text("The service that there is, as namespace/name."),
            "to": _text("What it is called on the other side."),
        },
    },
}
_HOST_NODES = _object(
    "What a tenant cluster on shared nodes sees of them.",
    {
        "show": _text(
            "Stand-ins for the nodes that run its pods, those nodes themselves, the ones that carry its label, or all."
            " With used and all its pods may run on any node of the host cluster.",
            enum=list(SHOWN),
            default=LABELLED,
        ),
        "labels": _free("More labels that a node must carry."),
        "scheduler": _flag("A scheduler of its own, which goes by the labels and taints that the tenant sets."),
        "sync_back": _flag("Whether labels and taints that the tenant sets reach the host cluster's nodes."),
    },
)
_SYNC = _object(
    "What a tenant cluster on shared nodes has in common with the host cluster, besides its pods.",
    {
        "storage_classes": _text("Whose storage classes it uses.", enum=list(STORAGE_CLASSES)),
        "persistent_volumes": _flag("Whether it may make persistent volumes."),
        "ingresses": _flag("Whether the host cluster's ingress controller serves its ingresses."),
        "names": _flag(
            "Whether its DNS asks the host cluster's for what it does not know: its pods then find every Service of the"
            " host cluster by name and namespace."
        ),
        "services_from_host": {**_SERVICES, "description": "Services of the host cluster that it sees."},
        "services_to_host": {
            **_SERVICES,
            "description": "Its services that the host cluster sees, by a name in the control plane's namespace.",
        },
    },
)

#: Of a tenant cluster without servers of its own, and of no other.
SHARED_NODES: dict[str, dict[str, Any]] = {
    "tenant_cluster_host_nodes": _HOST_NODES,
    "tenant_cluster_sync": _SYNC,
    "tenant_cluster_plugins": {
        "type": "object",
        "default": {},
        "description": "Plugins of vCluster, by name, as its chart has them.",
    },
}

WAYS = ("helm", "cli", "platform")
HELM_WAY, CLI_WAY, PLATFORM_WAY = WAYS
_PLATFORM = _object(
    "vCluster Platform, for tenant_cluster_way: platform.",
    {
        "host": _text(
            "Its address; default: the environment's VCLUSTER_PLATFORM_HOST.", examples=["platform.example.com"]
        ),
        "project": _text("The project that the tenant cluster belongs to."),
        "cluster": _text("What it calls the host cluster.", default="loft-cluster"),
        "ca_path": _text("File with its certificate authority; default: those that the machine trusts."),
        "validate_certs": {**_flag("Whether its certificate is verified."), "default": True},
        "api_path": {
            "type": "string",
            "default": "/kubernetes/management",
            "description": "Where its management API is at the address; empty where that is an API server with it.",
        },
        "project_namespace": _text("Namespace of the project in its management API; default: p-<project>."),
        "agent_namespace": _text(
            "Namespace of its agent in the host cluster, which the network policies let in.",
            default="vcluster-platform",
        ),
        "user": _text("Who owns the tenant cluster there."),
        "team": _text("The team that owns it there."),
        "spec": _free("Merged last into the spec of the VirtualClusterInstance."),
    },
)
_WAY: dict[str, dict[str, Any]] = {
    "tenant_cluster_way": {
        "type": "string",
        "enum": list(WAYS),
        "default": HELM_WAY,
        "description": "What installs vCluster: Helm, vCluster's command line, or vCluster Platform.",
    },
    "tenant_cluster_platform": _PLATFORM,
    "tenant_cluster_platform_access_key": {
        "type": "string",
        "writeOnly": True,
        "description": (
            "Access key of vCluster Platform; default: the environment's VCLUSTER_PLATFORM_ACCESS_KEY. A secret: keep"
            " it in a vault."
        ),
    },
}

TYPED_OPTIONS: dict[str, dict[str, Any]] = {
    "tenant_cluster_backing_store": _BACKING_STORE,
    "tenant_cluster_storage": _STORAGE,
    "tenant_cluster_images": _IMAGES,
    "tenant_cluster_resources": _RESOURCES,
    "tenant_cluster_extra_args": _EXTRA_ARGS,
    "tenant_cluster_dns": _DNS,
    "tenant_cluster_isolation": _ISOLATION,
    "tenant_cluster_addons": _ADDONS,
    "tenant_cluster_exposure": _EXPOSURE,
}

CONTROL_PLANE: dict[str, dict[str, Any]] = {
    **_WAY,
    **TYPED_OPTIONS,
    "tenant_cluster_kubernetes_version": {
        "type": "string",
        "pattern": "^(v1\\.[0-9]+\\.[0-9]+.*)?$",
        "examples": ["v1.35.0"],
        "description": "Version of Kubernetes; default: the chart's.",
    },
    "tenant_cluster_storage_size": {
        "type": "string",
        "pattern": f"{_QUANTITY}|^$",
        "examples": ["5Gi"],
        "description": "Size of the control plane's volumes; default: the chart's.",
    },
    "tenant_cluster_storage_class": {
        "type": "string",
        "description": "StorageClass of the control plane's volumes; default: the host cluster's default.",
    },
    "tenant_cluster_priority_class": {
        "type": "string",
        "description": "Priority class of the control plane's pods; default: none.",
    },
    "tenant_cluster_chart": {
        "type": "string",
        "default": DEFAULT_CHART,
        "description": "Name of vCluster's chart in its repository, or a path.",
    },
    "tenant_cluster_chart_version": {
        "type": "string",
        "default": DEFAULT_CHART_VERSION,
        "description": "Version of vCluster's chart; decides which options and values there are.",
    },
    "tenant_cluster_chart_schema": {
        "type": "string",
        "description": "Schema of the chart's values, a file or a chart; default: that in the chart, if it is there.",
    },
    "tenant_cluster_licence_tier": {
        "type": "string",
        "enum": ["", *TIERS],
        "description": "Tier of your vCluster licence; what needs a higher one is refused.",
    },
    "tenant_cluster_values": {
        "type": "object",
        "default": {},
        "description": "Values for the chart, merged last.",
    },
    "api_load_balancer_mode": {
        "type": "string",
        "enum": list(ENDPOINT_MODES),
        "default": ENDPOINT_MODES[0],
        "description": "What holds the VIP: the collection's load balancer, vCluster itself, or something of yours.",
    },
    "api_load_balancer_replicas": {
        "type": "integer",
        "minimum": 1,
        "default": 2,
        "description": "Pods of the load balancer, each on a shared server of its own.",
    },
}
