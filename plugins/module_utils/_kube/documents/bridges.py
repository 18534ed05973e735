"""The VLAN device and the bridge of a tenant cluster as two operators want them told, and the smaller operator itself.

What they make is what the host backend makes: `bond0.<id>`, `br-vlan-<id>` over it, no addresses, no spanning tree.
"""

from __future__ import annotations

from .common import MANAGED_BY, TENANT_LABEL, Document, known, labels, require

NMSTATE, BRIDGE_OPERATOR = "nmstate", "bridge_operator"
#: Backends that have the host cluster make the devices.
IN_CLUSTER = (NMSTATE, BRIDGE_OPERATOR)

POLICY_VERSION, POLICY_KIND = "nmstate.io/v1", "NodeNetworkConfigurationPolicy"
ENACTMENT_VERSION, ENACTMENT_KIND = "nmstate.io/v1beta1", "NodeNetworkConfigurationEnactment"
BRIDGE_VERSION, BRIDGE_KIND = "bridgeoperator.k8s.cni.npwg.io/v1alpha1", "BridgeConfiguration"
INFORMATION_KIND = "BridgeInformation"

#: Which nodes run bridge-operator's daemon, and with that get every bridge: see `bridge_configuration`.
DAEMON_LABEL = {"baremetal.fabric/bridge-operator": "daemon"}
_OPERATOR = "bridge-operator"
_OPERATOR_LABELS = {"app.kubernetes.io/managed-by": MANAGED_BY, "app.kubernetes.io/name": _OPERATOR}


def vlan_label(tenant: str) -> dict[str, str]:
    """Carried by the nodes whose VLAN device and bridge are to be made, before they are."""
    return {f"vlan.baremetal.fabric/{tenant}": "wanted"}


def policy_name(tenant: str) -> str:
    """It is also the value of a label of its enactments, and so must stay within 63 characters."""
    return f"tenant-{tenant}"


def enactment_name(node: str, policy: str) -> str:
    return f"{node}.{policy}"


def information_name(node: str, bridge: str) -> str:
    return f"{node}-{bridge}"


def is_ours(document: Document, tenant: str) -> bool:
    marks = (document.get("metadata") or {}).get("labels") or {}
    return marks.get("app.kubernetes.io/managed-by") == MANAGED_BY and marks.get(TENANT_LABEL) == tenant


def node_network_policy(intent: Document) -> Document:
    """nmstate's policy.

    `intent`: name, link, vlan_id and bridge (either may be None as long as it is not known), mtu (optional),
    max_unavailable (optional).
    """
    require(intent, ("name", "link", "vlan_id", "bridge"))
    link, vlan_id = intent["link"], intent["vlan_id"]
    vlan = known(None if vlan_id is None else f"{link}.{vlan_id}")
    silent: Document = {"state": "up", "ipv4": {"enabled": False}, "ipv6": {"enabled": False}}
    if intent.get("mtu"):
        silent["mtu"] = int(intent["mtu"])
    interfaces = [
        {"name": vlan, "type": "vlan", **silent, "vlan": {"base-iface": link, "id": known(vlan_id)}},
        {
            "name": known(intent["bridge"]),
            "type": "linux-bridge",
            **silent,
            "bridge": {
                "options": {"stp": {"enabled": False}},
                # Without this key kubernetes-nmstate would make a filtered trunk of the port.
                "port": [{"name": vlan, "vlan": {}}],
            },
        },
    ]
    return _policy(intent["name"], interfaces, intent.get("max_unavailable"))


def removing_policy(policy: Document) -> Document:
    """The same policy with everything that it configures absent: deleting one leaves the devices where they are."""
    tenant = policy["metadata"]["labels"][TENANT_LABEL]
    gone = [{**each, "state": "absent"} for each in interfaces_of(policy)]
    # The bridge goes before its port.
    return _policy(tenant, list(reversed(gone)), (policy.get("spec") or {}).get("maxUnavailable"))


def interfaces_of(policy: Document) -> list[Document]:
    """Name and type of what a policy configures, the VLAN device first."""
    desired = ((policy.get("spec") or {}).get("desiredState") or {}).get("interfaces") or []
    found = [{"name": each.get("name"), "type": each.get("type")} for each in desired]
    return sorted(found, key=lambda each: str(each["type"]), reverse=True)


def is_removing(policy: Document) -> bool:
    desired = ((policy.get("spec") or {}).get("desiredState") or {}).get("interfaces") or []
    return bool(desired) and all(each.get("state") == "absent" for each in desired)


def _policy(tenant: str, interfaces: list[Document], max_unavailable: object) -> Document:
    spec: Document = {"nodeSelector": vlan_label(tenant), "desiredState": {"interfaces": interfaces}}
    if max_unavailable:
        spec["maxUnavailable"] = max_unavailable
    return {
        "apiVersion": POLICY_VERSION,
        "kind": POLICY_KIND,
        "metadata": {"name": policy_name(tenant), "labels": labels(tenant)},
        "spec": spec,
    }


def bridge_configuration(intent: Document) -> Document:
    """bridge-operator's object, which bears the bridge's name; `intent` as for `node_network_policy`.

    Its daemon crashes on every node that the selector leaves out, so the selector is that of the daemon itself.
    """
    require(intent, ("name", "link", "vlan_id", "bridge"))
    port = {"name": intent["link"], "protocol": "802.1q", "id": known(intent["vlan_id"])}
    return {
        "apiVersion": BRIDGE_VERSION,
        "kind": BRIDGE_KIND,
        "metadata": {"name": known(intent["bridge"]), "labels": labels(intent["name"])},
        # One egress interface only, and never the bond itself: that would take the node's own address with it.
        "spec": {
            "nodeSelector": {"matchLabels": dict(DAEMON_LABEL)},
            "egressInterfaces": [],
            "egressVlanInterfaces": [port],
        },
    }


def bridge_operator_objects(intent: Document) -> list[Document]:
    """bridge-operator without its manager, whose only work is to make the DaemonSet, and which fails at the second try.

    `intent`: namespace, image; optional: pull_policy, tolerations.
    """
    require(intent, ("namespace", "image"))
    space, name = intent["namespace"], _OPERATOR
    account = {"kind": "ServiceAccount", "name": name, "namespace": space}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    rbac = "rbac.authorization.k8s.io/v1"
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": space,
                "labels": {**_OPERATOR_LABELS, "pod-security.kubernetes.io/enforce": "privileged"},
            },
        },
        _object("v1", "ServiceAccount", {}, space),
        _object(rbac, "ClusterRole", {"rules": _rules()}),
        _object(rbac, "ClusterRoleBinding", {"roleRef": role, "subjects": [account]}),
        _object("apps/v1", "DaemonSet", {"spec": _daemon_set(intent)}, space),
    ]


def _object(api_version: str, kind: str, content: Document, namespace: str | None = None) -> Document:
    metadata: Document = {"name": _OPERATOR, "labels": dict(_OPERATOR_LABELS)}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def _rules() -> list[Document]:
    group = BRIDGE_VERSION.partition("/")[0]
    return [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]},
        {"apiGroups": [group], "resources": ["bridgeconfigurations"], "verbs": ["get", "list", "watch"]},
        {
            "apiGroups": [group],
            "resources": ["bridgeinformation", "bridgeinformation/status"],
            "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
        },
    ]


def _daemon_set(intent: Document) -> Document:
    match = {"app.kubernetes.io/name": _OPERATOR}
    container: Document = {
        "name": "daemon",
        "image": intent["image"],
        "imagePullPolicy": intent.get("pull_policy") or "IfNotPresent",
        # The node's name, where the daemon would take the system's.
        "command": ["/usr/bin/bridge-operator-daemon", "--hostname-override=$(NODE_NAME)"],
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "resources": {"requests": {"cpu": "100m", "memory": "80Mi"}},
        "securityContext": {"privileged": True},
    }
    pod: Document = {
        "hostNetwork": True,
        "priorityClassName": "system-node-critical",
        "serviceAccountName": _OPERATOR,
        "nodeSelector": {"kubernetes.io/os": "linux", **DAEMON_LABEL},
        "tolerations": intent.get("tolerations") or [{"operator": "Exists"}],
        "containers": [container],
    }
    return {
        "selector": {"matchLabels": match},
        # A daemon that is restarted forgets what it has made: never by itself.
        "updateStrategy": {"type": "OnDelete"},
        "template": {"metadata": {"labels": match}, "spec": pod},
    }
