"""flannel as the pod network of a tenant cluster, for backends that bring none."""

from __future__ import annotations

import json

from .common import MANAGED_BY, Document, require

NAMESPACE = "kube-flannel"
NAME = "flannel"
IMAGE = "ghcr.io/flannel-io/flannel:v0.27.4"
PLUGIN_IMAGE = "ghcr.io/flannel-io/flannel-cni-plugin:v1.8.0-flannel1"
_LABELS = {"app.kubernetes.io/managed-by": MANAGED_BY}
_POD_LABELS = {"app": NAME, "tier": "node"}
_CONFIGURATION = "kube-flannel-cfg"
_CONFLIST = {
    "name": "cbr0",
    "cniVersion": "0.3.1",
    "plugins": [
        {"type": "flannel", "delegate": {"hairpinMode": True, "isDefaultGateway": True}},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}


def flannel_objects(intent: Document) -> list[Document]:
    """Everything that flannel consists of.

    `intent`: pod_cidr, vip (None while unknown) and port of the API endpoint; optional: image, plugin_image.
    """
    require(intent, ("pod_cidr", "vip", "port"))
    network = {"Network": intent["pod_cidr"], "EnableNFTables": False, "Backend": {"Type": "vxlan"}}
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME}
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": NAMESPACE,
                "labels": {**_LABELS, "pod-security.kubernetes.io/enforce": "privileged"},
            },
        },
        _object("v1", "ServiceAccount", NAME, {}, NAMESPACE),
        _object("rbac.authorization.k8s.io/v1", "ClusterRole", NAME, {"rules": _rules()}),
        _object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", NAME, {"roleRef": role, "subjects": [account]}),
        _object(
            "v1",
            "ConfigMap",
            _CONFIGURATION,
            {"data": {"cni-conf.json": _text(_CONFLIST), "net-conf.json": _text(network)}},
            NAMESPACE,
        ),
        _object("apps/v1", "DaemonSet", "kube-flannel-ds", {"spec": _daemon_set(intent)}, NAMESPACE),
    ]


def _object(api_version: str, kind: str, name: str, content: Document, namespace: str | None = None) -> Document:
    metadata: Document = {"name": name, "labels": dict(_LABELS)}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def _text(document: Document) -> str:
    return json.dumps(document, indent=2) + "\n"


def _rules() -> list[Document]:
    return [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["patch"]},
    ]


def _daemon_set(intent: Document) -> Document:
    image, plugin_image = intent.get("image") or IMAGE, intent.get("plugin_image") or PLUGIN_IMAGE
    pod = {
        "hostNetwork": True,
        "priorityClassName": "system-node-critical",
        "serviceAccountName": NAME,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        # A node without a network is not ready: whoever brings one must not wait for that.
        "tolerations": [{"operator": "Exists"}],
        "initContainers": [
            _copy("install-cni-plugin", plugin_image, ("/flannel", "/opt/cni/bin/flannel"), "cni-plugin"),
            _copy(
                "install-cni", image, ("/etc/kube-flannel/cni-conf.json", "/etc/cni/net.d/10-flannel.conflist"), "cni"
            ),
        ],
        "containers": [_flanneld(intent, image)],
        "volumes": [
            {"name": "run", "hostPath": {"path": "/run/flannel", "type": "DirectoryOrCreate"}},
            {"name": "cni-plugin", "hostPath": {"path": "/opt/cni/bin", "type": "DirectoryOrCreate"}},
            {"name": "cni", "hostPath": {"path": "/etc/cni/net.d", "type": "DirectoryOrCreate"}},
            {"name": "configuration", "configMap": {"name": _CONFIGURATION}},
            {"name": "xtables-lock", "hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}},
        ],
    }
    template = {"metadata": {"labels": dict(_POD_LABELS)}, "spec": pod}
    return {"selector": {"matchLabels": dict(_POD_LABELS)}, "template": template}


_PLACES = {"run": "/run/flannel", "cni-plugin": "/opt/cni/bin", "cni": "/etc/cni/net.d",
           "configuration": "/etc/kube-flannel", "xtables-lock": "/run/xtables.lock"}  # fmt: skip


def _mounts(*names: str) -> list[Document]:
    return [{"name": name, "mountPath": _PLACES[name]} for name in names]


def _copy(name: str, image: str, files: tuple[str, str], volume: str) -> Document:
    mounts = _mounts(volume) if volume == "cni-plugin" else _mounts(volume, "configuration")
    return {"name": name, "image": image, "command": ["cp", "-f", *files], "volumeMounts": mounts}


def _flanneld(intent: Document, image: str) -> Document:
    def own(path: str) -> Document:
        return {"fieldRef": {"fieldPath": path}}

    return {
        "name": "kube-flannel",
        "image": image,
        "command": ["/opt/bin/flanneld"],
        # Nodes have a management NIC as well; pods' packets belong on the one that reaches the VIP.
        "args": ["--ip-masq", "--kube-subnet-mgr", f"--iface-can-reach={intent['vip']}"],
        "resources": {"requests": {"cpu": "100m", "memory": "50Mi"}},
        "securityContext": {"privileged": False, "capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
        "env": [
            {"name": "POD_NAME", "valueFrom": own("metadata.name")},
            {"name": "POD_NAMESPACE", "valueFrom": own("metadata.namespace")},
            # The endpoint itself: the Service in front of it needs a kube-proxy, which may be switched off.
            {"name": "KUBERNETES_SERVICE_HOST", "value": str(intent["vip"])},
            {"name": "KUBERNETES_SERVICE_PORT", "value": str(int(intent["port"]))},
        ],
        "volumeMounts": _mounts("run", "configuration", "xtables-lock"),
    }
