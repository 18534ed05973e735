"""The load balancer that puts a tenant cluster's API on one address of its VLAN: Envoy with kube-vip beside it."""

from __future__ import annotations

import hashlib
from typing import Any

from .. import yaml_text
from .common import NETWORKS_ANNOTATION, Document, DocumentError, known, labels, node_label, one_per_node, require
from .network import LOAD_BALANCER

NAME = "apiserver-lb"
CONFIG_NAME, CONFIG_KEY = "envoy-config", "envoy.yaml"
HEALTH_PORT, HEALTH_PATH = 9443, "/ready"
_POD_LABELS = {"app": NAME}
_TOKEN_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount"


def load_balancer_objects(intent: Document) -> list[Document]:
    """ConfigMap, ServiceAccount, Role, RoleBinding, PodDisruptionBudget and Deployment.

    `intent`: name, namespace, network_namespace, vip and prefix_length (None while unknown), port, replicas,
    envoy_image, kube_vip_image, pull_policy, cluster_domain, lease {duration, renew_deadline, retry_period};
    optional: tolerations, priority_class, envoy_resources, kube_vip_resources, image_pull_secrets, service_port (of the
    control plane, default 443), extra_ports (the same on VIP and Service), health_port.
    """
    require(
        intent,
        ("name", "namespace", "network_namespace", "vip", "prefix_length", "port", "replicas", "envoy_image",
         "kube_vip_image", "pull_policy", "cluster_domain", "lease"),
    )  # fmt: skip
    configuration = envoy_configuration(intent)
    return [
        _object(intent, "v1", "ConfigMap", CONFIG_NAME, {"data": {CONFIG_KEY: configuration}}),
        _object(intent, "v1", "ServiceAccount", NAME, {"automountServiceAccountToken": False}),
        _object(intent, "rbac.authorization.k8s.io/v1", "Role", f"{NAME}-leader-election", {"rules": _rules()}),
        _object(
            intent, "rbac.authorization.k8s.io/v1", "RoleBinding", f"{NAME}-leader-election",
            {
                "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": intent["namespace"]}],
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": f"{NAME}-leader-election"
                },
            },
        ),
        _object(
            intent, "policy/v1", "PodDisruptionBudget", NAME,
            {"spec": {"maxUnavailable": 1, "selector": {"matchLabels": _POD_LABELS}}},
        ),
        _deployment(intent, configuration),
    ]  # fmt: skip


def envoy_configuration(intent: Document) -> str:
    """A TCP proxy, and an answer for probes. No admin interface.

    It listens on every address of the pod since only one pod has the VIP at a time and the kubelet's probes come by the
    pod network. The network policies of the control plane's namespace close it there to everybody else.
    """
    ports = [(int(intent["port"]), int(intent.get("service_port") or 443))]
    ports += [(int(port), int(port)) for port in intent.get("extra_ports") or []]
    listeners, clusters = [], []
    for number, (port, behind) in enumerate(ports):
        suffix = f"_{port}" if number else ""
        listeners.append(_forwarder(f"tenant_api{suffix}", port, f"control_plane{suffix}"))
        clusters.append(_backend(intent, f"control_plane{suffix}", behind))
    listeners.append(_health(_health_port(intent)))
    return yaml_text.dump({"static_resources": {"listeners": listeners, "clusters": clusters}})


def _health_port(intent: Document) -> int:
    port = int(intent.get("health_port") or HEALTH_PORT)
    if port in (int(intent["port"]), *(int(each) for each in intent.get("extra_ports") or [])):
        raise DocumentError(f"port {port} is asked for twice: set api_load_balancer_health_port to a free one")
    return port


def _listener(name: str, port: int, kind: str, config: Document) -> Document:
    typed = {"@type": f"type.googleapis.com/envoy.extensions.filters.network.{kind}", "stat_prefix": name, **config}
    filters = [{"name": f"envoy.filters.network.{kind.split('.')[0]}", "typed_config": typed}]
    return {"name": name, "address": _address("0.0.0.0", port), "filter_chains": [{"filters": filters}]}


def _forwarder(name: str, port: int, cluster: str) -> Document:
    return _listener(name, port, "tcp_proxy.v3.TcpProxy", {"cluster": cluster})


def _health(port: int) -> Document:
    """Answered by Envoy itself: a connection alone would be taken by the kernel also for an Envoy that hangs."""
    router = {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}
    route = {"match": {"path": HEALTH_PATH}, "direct_response": {"status": 200}}
    config = {
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
        "route_config": {
            "name": "health",
            "virtual_hosts": [{"name": "health", "domains": ["*"], "routes": [route]}],
        },
    }
    return _listener("health", port, "http_connection_manager.v3.HttpConnectionManager", config)


def _backend(intent: Document, name: str, port: int) -> Document:
    host = f"{intent['name']}.{intent['namespace']}.svc.{intent['cluster_domain']}"
    return {
        "name": name,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_ONLY",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(host, port)}}]}],
        },
    }


def _address(host: str, port: int) -> Document:
    return {"socket_address": {"address": host, "port_value": port}}


def _object(intent: Document, api_version: str, kind: str, name: str, content: Document) -> Document:
    metadata = {"name": name, "namespace": intent["namespace"], "labels": labels(intent["name"])}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def _rules() -> list[Document]:
    group: Document = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
    # A request to create carries no name that could be checked; all others are held to the one lease.
    named = ["get", "list", "watch", "update", "patch"]
    return [{**group, "verbs": ["create"]}, {**group, "verbs": named, "resourceNames": [NAME]}]


def _deployment(intent: Document, configuration: str) -> Document:
    pod: Document = {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": False,  # only kube-vip gets one, by a volume of its own
        "enableServiceLinks": False,
        "nodeSelector": node_label(intent["name"]),
        "affinity": one_per_node(_POD_LABELS),
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 10,
        "containers": [_envoy(intent), _kube_vip(intent)],
        "volumes": [
            {"name": CONFIG_NAME, "configMap": {"name": CONFIG_NAME}},
            {"name": "scratch", "emptyDir": {}},
            {"name": "api-access", "projected": {"defaultMode": 0o400, "sources": _api_access()}},
        ],
    }
    optional = {
        "tolerations": intent.get("tolerations"),
        "priorityClassName": intent.get("priority_class"),
        "imagePullSecrets": [{"name": name} for name in intent.get("image_pull_secrets") or []],
    }
    pod.update({key: value for key, value in optional.items() if value})
    annotations = {
        NETWORKS_ANNOTATION: f"{intent['network_namespace']}/{LOAD_BALANCER}",
        # A running Envoy does not notice a changed ConfigMap; a changed pod template replaces it.
        "baremetal.fabric/config-checksum": hashlib.sha256(configuration.encode()).hexdigest(),
    }
    spec = {
        "replicas": int(intent["replicas"]),
        "selector": {"matchLabels": _POD_LABELS},
        # A surge pod would find no node: there may be just as many as replicas, and each takes one.
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        "template": {
            "metadata": {"labels": {**_POD_LABELS, **labels(intent["name"])}, "annotations": annotations},
            "spec": pod,
        },
    }
    return _object(intent, "apps/v1", "Deployment", NAME, {"spec": spec})


def _container(intent: Document, name: str, image: str, capabilities: list[str]) -> Document:
    container: Document = {
        "name": name,
        "image": image,
        "imagePullPolicy": intent["pull_policy"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], "add": capabilities},
        },
    }
    resources = intent.get(f"{name.replace('-', '_')}_resources")
    return {**container, "resources": resources} if resources else container


def _probe(port: int, **timing: int) -> Document:
    return {"httpGet": {"port": port, "path": HEALTH_PATH}, "timeoutSeconds": 2, **timing}


def _envoy(intent: Document) -> Document:
    port, health = int(intent["port"]), _health_port(intent)
    return {
        **_container(intent, "envoy", intent["envoy_image"], ["NET_BIND_SERVICE"]),
        "args": ["-c", f"/etc/envoy/{CONFIG_KEY}", "--log-level", "info"],
        # The image's entry point would change to an unprivileged user, which may not bind ports below 1024.
        "env": [{"name": "ENVOY_UID", "value": "0"}, {"name": "ENVOY_GID", "value": "0"}],
        "ports": [{"name": "https", "containerPort": port, "protocol": "TCP"}],
        "readinessProbe": _probe(health, periodSeconds=3, failureThreshold=2),
        # One failure later than kube-vip's. An Envoy that hangs closes nothing in an orderly way: without a grace
        # period of its own the pod's would run out first, and kube-vip, back by then, might have taken the VIP again.
        "livenessProbe": _probe(
            health, initialDelaySeconds=10, periodSeconds=2, failureThreshold=4, terminationGracePeriodSeconds=1
        ),
        "volumeMounts": [
            {"name": CONFIG_NAME, "mountPath": "/etc/envoy", "readOnly": True},
            {"name": "scratch", "mountPath": "/tmp"},
        ],
    }


def _kube_vip(intent: Document) -> Document:
    lease, port = intent["lease"], int(intent["port"])
    prefix_length = intent["prefix_length"]
    environment: list[tuple[str, Any]] = [
        ("vip_arp", "true"),
        ("address", str(known(intent["vip"]))),
        ("port", str(port)),
        ("vip_interface", "net1"),
        # Without a slash; gives the interface its route to the subnet.
        ("vip_subnet", str(known(prefix_length))),
        ("cp_enable", "true"),
        ("cp_namespace", {"fieldRef": {"fieldPath": "metadata.namespace"}}),
        ("vip_nodename", {"fieldRef": {"fieldPath": "metadata.name"}}),
        ("vip_leaderelection", "true"),
        ("vip_leasename", NAME),
        ("vip_leaseduration", str(lease["duration"])),
        ("vip_renewdeadline", str(lease["renew_deadline"])),
        ("vip_retryperiod", str(lease["retry_period"])),
    ]
    return {
        **_container(intent, "kube-vip", intent["kube_vip_image"], ["NET_ADMIN", "NET_RAW"]),
        # Its metrics port would be open to the tenant VLAN.
        "args": ["manager", "--prometheusHTTPServer", ""],
        "env": [
            {"name": name, "valueFrom": value} if isinstance(value, dict) else {"name": name, "value": value}
            for name, value in environment
        ],
        # It looks at Envoy, not at itself: kube-vip would hold the VIP for an Envoy that hangs. Restarting it lets the
        # other pod take the lease, before Envoy itself is restarted.
        "livenessProbe": _probe(_health_port(intent), initialDelaySeconds=10, periodSeconds=2, failureThreshold=3),
        "volumeMounts": [{"name": "api-access", "mountPath": _TOKEN_DIRECTORY, "readOnly": True}],
    }


def _api_access() -> list[Document]:
    """What a mounted service account consists of."""
    return [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
