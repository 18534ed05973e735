"""What a cluster administrator prepares for plays that may not look beyond one tenant cluster's namespaces."""

from __future__ import annotations

from .common import MANAGED_BY, PREPARED_LABEL, Document, require

_RBAC = "rbac.authorization.k8s.io"
_READ = ("get", "list")
_WRITE = ("get", "list", "create", "patch", "update", "delete")


def credentials_objects(intent: Document) -> list[Document]:
    """Namespaces, ServiceAccount, and a Role and a RoleBinding for each namespace.

    `intent`: name, namespace, network_namespace (empty for one without a VLAN), backend, account; optional:
    namespace_labels, network_namespace_labels, virtual_machines, extra_rules (of the control plane's namespace).
    """
    require(intent, ("name", "namespace", "network_namespace", "backend", "account"))
    control_plane, networks = intent["namespace"], intent["network_namespace"]
    documents = [_namespace(intent, control_plane, intent.get("namespace_labels"))]
    if networks:
        documents.append(_namespace(intent, networks, intent.get("network_namespace_labels")))
    documents.append(_object(intent, "v1", "ServiceAccount", control_plane, {"automountServiceAccountToken": False}))
    documents += _granted(intent, control_plane, control_plane_rules(intent))
    if networks:
        documents += _granted(intent, networks, network_rules())
    return documents


def control_plane_rules(intent: Document) -> list[Document]:
    """What the plays do in the namespace of the control plane and its load balancer, and nothing else."""
    rules = [
        _rule("", ["namespaces"], ("get", "patch")),
        _rule("", ["configmaps", "secrets", "serviceaccounts", "services"], _WRITE),
        _rule("", ["persistentvolumeclaims", "pods"], ("get", "list", "create", "delete")),
        _rule("", ["events"], _READ),
        _rule("", ["pods/log"], ("get",)),
        # The way to the tenant cluster's API; which verb it takes depends on the API server's version.
        _rule("", ["pods/portforward"], ("get", "create")),
        _rule("apps", ["deployments", "statefulsets"], _WRITE),
        _rule("coordination.k8s.io", ["leases"], ("get", "list", "delete")),
        _rule("networking.k8s.io", ["networkpolicies"], _WRITE),
        _rule("policy", ["poddisruptionbudgets"], _WRITE),
        # Control plane and load balancer get Roles of their own. Without the last two verbs everything that any version
        # of a chart puts into one would have to be granted here as well.
        _rule(_RBAC, ["roles"], (*_WRITE, "bind", "escalate")),
        _rule(_RBAC, ["rolebindings"], _WRITE),
    ]
    if intent["backend"] == "kamaji":
        rules.append(_rule("kamaji.clastix.io", ["tenantcontrolplanes"], _WRITE))
    else:
        # What vCluster's chart makes when it is asked to.
        rules.append(_rule("", ["limitranges", "resourcequotas"], _WRITE))
        rules.append(_rule("networking.k8s.io", ["ingresses"], _WRITE))
    if intent.get("virtual_machines"):
        rules.append(_rule("kubevirt.io", ["virtualmachines"], _WRITE))
        rules.append(_rule("kubevirt.io", ["virtualmachineinstances"], ("get", "list", "delete")))
        rules.append(_rule("cdi.kubevirt.io", ["datavolumes"], _WRITE))
    return rules + list(intent.get("extra_rules") or [])


def network_rules() -> list[Document]:
    return [
        _rule("", ["namespaces"], ("get", "patch")),
        _rule("", ["events"], _READ),
        _rule("k8s.cni.cncf.io", ["network-attachment-definitions"], _WRITE),
    ]


def _rule(group: str, resources: list[str], verbs: tuple[str, ...]) -> Document:
    return {"apiGroups": [group], "resources": resources, "verbs": list(verbs)}


def _namespace(intent: Document, name: str, extra: Document | None) -> Document:
    labels = {"app.kubernetes.io/managed-by": MANAGED_BY, PREPARED_LABEL: intent["name"], **(extra or {})}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _object(intent: Document, api_version: str, kind: str, namespace: str, content: Document) -> Document:
    # Not the label of what a tenant cluster consists of: that goes with the tenant cluster.
    labels = {"app.kubernetes.io/managed-by": MANAGED_BY, PREPARED_LABEL: intent["name"]}
    metadata = {"name": intent["account"], "namespace": namespace, "labels": labels}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def _granted(intent: Document, namespace: str, rules: list[Document]) -> list[Document]:
    subject = {"kind": "ServiceAccount", "name": intent["account"], "namespace": intent["namespace"]}
    role = {"apiGroup": _RBAC, "kind": "Role", "name": intent["account"]}
    return [
        _object(intent, f"{_RBAC}/v1", "Role", namespace, {"rules": rules}),
        _object(intent, f"{_RBAC}/v1", "RoleBinding", namespace, {"subjects": [subject], "roleRef": role}),
    ]
