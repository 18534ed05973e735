# SPDX-License-Identifier: Apache-2.0
"""A flat network with DHCP beside the cluster's own: its definition for pods, and the daemon that holds leases."""

from __future__ import annotations

import json

from .common import MANAGED_BY, NETWORKS_ANNOTATION, Document, require
from .network import CNI_VERSION

FLAT_NETWORK_LABEL = "baremetal.fabric/flat-network"
DAEMON = "fabric-dhcp-daemon"
OWN_PLUGIN = "fabric-flat"
_ROUTE_OVERRIDE = "route-override"
_ENDED = ("Succeeded", "Failed")
_NEEDED = (
    "name", "attachment", "namespace", "bridge", "priority", "routes", "route_plugin", "release", "host_name",
    "router_advertisements", "sysctls", "daemon",
)  # fmt: skip
#: Where each kind of workload has the template of its pods.
_TEMPLATES: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    **dict.fromkeys(("DaemonSet", "Deployment", "Job", "ReplicaSet", "StatefulSet"), ("spec", "template")),
}


def flat_network_objects(intent: Document) -> list[Document]:
    """The daemon and the network, in the order of need.

    `intent`: name, attachment, namespace (of the attachment), bridge, priority (metric of routes that DHCP gives),
    routes (destinations that leave by the second interface), route_plugin (fabric-flat or route-override), release
    (whether leases are given back), host_name, router_advertisements, sysctls, mtu (optional), daemon {namespace,
    image, pull_policy, socket, bin_dir, broadcast, timeout, resend_max, resources, security_context, node_selector,
    tolerations}.
    """
    require(intent, _NEEDED)
    return [_daemon_set(intent["daemon"]), _attachment(intent)]


def _attachment(intent: Document) -> Document:
    return {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {
            "name": intent["attachment"],
            "namespace": intent["namespace"],
            "labels": {"app.kubernetes.io/managed-by": MANAGED_BY, FLAT_NETWORK_LABEL: intent["name"]},
        },
        "spec": {"config": json.dumps(_configuration(intent), indent=2, allow_nan=False)},
    }


def _configuration(intent: Document) -> Document:
    ipam: Document = {"type": "dhcp", "daemonSocketPath": intent["daemon"]["socket"]}
    # The bridge plugin puts a default route that DHCP gives before the one that is there. With a metric it comes last.
    ipam["priority"] = int(intent["priority"])
    if intent["host_name"]:
        ipam["provide"] = [{"option": "host-name", "fromArg": "K8S_POD_NAME"}]
    bridge: Document = {"type": "bridge", "bridge": intent["bridge"], "ipam": ipam}
    if intent.get("mtu"):
        bridge["mtu"] = int(intent["mtu"])
    plugins = [bridge]
    plugins += _undone(intent)
    sysctls = {**_advertisements(bool(intent["router_advertisements"])), **intent["sysctls"]}
    plugins.append({"type": "tuning", "sysctl": {key: str(value) for key, value in sysctls.items()}})
    # The name is part of how the daemon identifies a pod to the DHCP server.
    return {"cniVersion": CNI_VERSION, "name": intent["name"], "plugins": plugins}


def _undone(intent: Document) -> list[Document]:
    """What the released plugins leave undone: routes besides those of DHCP, and giving the lease back."""
    plugins: list[Document] = []
    own: Document = {"type": OWN_PLUGIN}
    if intent["routes"] and intent["route_plugin"] == _ROUTE_OVERRIDE:
        plugins.append({"type": _ROUTE_OVERRIDE, "addroutes": [{"dst": route} for route in intent["routes"]]})
    elif intent["routes"]:
        own["routes"] = list(intent["routes"])
    if intent["release"]:
        own["release"] = True
    return [*plugins, own] if len(own) > 1 else plugins


def _advertisements(wanted: bool) -> dict[str, str]:
    """Whether a router on the flat network may give the pod an IPv6 address; its default route never moves there."""
    prefix = "net.ipv6.conf.IFNAME"
    if not wanted:
        return {f"{prefix}.accept_ra": "0"}
    # 2: also where the pod has inherited forwarding from its node
    return {f"{prefix}.disable_ipv6": "0", f"{prefix}.accept_ra": "2", f"{prefix}.accept_ra_defrtr": "0"}


def _daemon_set(daemon: Document) -> Document:
    labels = {"app.kubernetes.io/name": DAEMON}
    folder = str(daemon["socket"]).rpartition("/")[0]
    options = [f"-socketpath={daemon['socket']}", f"-timeout={daemon['timeout']}s"]
    options.append(f"-resendmax={daemon['resend_max']}s")
    if daemon["broadcast"]:
        options.append("-broadcast")
    program = f"{daemon['bin_dir']}/dhcp daemon {' '.join(options)}"
    container: Document = {
        "name": "dhcp",
        "image": daemon["image"],
        "imagePullPolicy": daemon["pull_policy"],
        # A daemon that was killed leaves its socket, on which the next one fails; and a container that starts again
        # does not run the pod's init containers. The program is the node's own: of one version with the plugin.
        "command": ["/bin/sh", "-c", f"rm -f {daemon['socket']} && exec {program}"],
        "resources": daemon["resources"],
        "securityContext": daemon["security_context"],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "readinessProbe": {"exec": {"command": ["/bin/sh", "-c", f"test -S {daemon['socket']}"]}, "periodSeconds": 5},
        "volumeMounts": [
            {"name": "programs", "mountPath": daemon["bin_dir"], "readOnly": True},
            {"name": "socket", "mountPath": folder},
            # pods' network namespaces that appear later must be seen, too
            *(
                {"name": "namespaces", "mountPath": path, "mountPropagation": "HostToContainer"}
                for path in ("/run/netns", "/var/run/netns")
            ),
        ],
    }
    pod = {
        "hostNetwork": True,
        "priorityClassName": "system-node-critical",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 10,
        "nodeSelector": {"kubernetes.io/os": "linux", **daemon["node_selector"]},
        "tolerations": daemon["tolerations"],
        "containers": [container],
        "volumes": [
            {"name": "programs", "hostPath": {"path": daemon["bin_dir"]}},
            {"name": "socket", "hostPath": {"path": folder, "type": "DirectoryOrCreate"}},
            {"name": "namespaces", "hostPath": {"path": "/run/netns", "type": "DirectoryOrCreate"}},
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": DAEMON,
            "namespace": daemon["namespace"],
            "labels": {**labels, "app.kubernetes.io/managed-by": MANAGED_BY},
        },
        "spec": {
            "selector": {"matchLabels": labels},
            # Leases are in memory: each node's restart costs its pods theirs, so one node at a time.
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def template_path(kind: str) -> tuple[str, ...] | None:
    """Where a workload of this kind has the template of its pods; None for a kind that has none."""
    return _TEMPLATES.get(kind)


def attached(workload: Document, network: str) -> Document:
    """The workload with its pods on one network more; those that they have already stay."""
    return _with_networks(workload, [*_others(workload, network), network])


def detached(workload: Document, network: str) -> Document:
    """The workload with its pods on one network less."""
    return _with_networks(workload, _others(workload, network))


def patch(workload: Document, network: str, state: str = "present") -> Document:
    """What of a workload to apply so that its pods are on a network, or with `absent` are not: its annotation alone."""
    path = _path(workload)
    wanted = [*_others(workload, network), *([network] if state == "present" else [])]
    metadata = {key: workload["metadata"][key] for key in ("name", "namespace") if key in workload["metadata"]}
    document: Document = {"apiVersion": workload["apiVersion"], "kind": workload["kind"], "metadata": metadata}
    text = _text(wanted)
    # left out, it goes, if it is ours
    inner: Document = {"metadata": {"annotations": {} if text is None else {NETWORKS_ANNOTATION: text}}}
    for key in reversed(path):
        inner = {key: inner}
    return {**document, **inner}


def uses(workload: Document, network: str) -> bool:
    return _others(workload, network) != networks(workload)


def standing(found: list[Document], name: str, network: str) -> Document:
    """What there is of flat networks: `others` than `name`, and the `pods` on this one, or `leaving` it.

    `network` is how pods name it: namespace/name.
    """
    others = [
        each["metadata"]["name"]
        for each in found
        if each.get("kind") == "NetworkAttachmentDefinition"
        and (each["metadata"].get("labels") or {}).get(FLAT_NETWORK_LABEL, name) != name
    ]
    here = [
        each
        for each in found
        if each.get("kind") == "Pod" and uses(each, network) and (each.get("status") or {}).get("phase") not in _ENDED
    ]
    names: dict[bool, list[str]] = {True: [], False: []}
    for pod in here:
        metadata = pod["metadata"]
        names["deletionTimestamp" in metadata].append(f"{metadata.get('namespace')}/{metadata['name']}")
    return {"others": sorted(others), "pods": sorted(names[False]), "leaving": sorted(names[True])}


def networks(workload: Document) -> list[str]:
    """The networks that a workload's pods are attached to, as its annotation names them.

    Multus also reads a JSON list there, of which each entry is kept as it is.
    """
    text = _annotation(workload)
    if text.startswith("["):
        return [json.dumps(each) for each in json.loads(text)]
    return [each.strip() for each in text.split(",") if each.strip()]


def _others(workload: Document, network: str) -> list[str]:
    own = str((workload.get("metadata") or {}).get("namespace") or "default")
    return [each for each in networks(workload) if _identity(each, own) != _identity(network, own)]


def _identity(entry: str, namespace: str) -> tuple[str, str]:
    """Namespace and name of what an entry means; it may end in the interface's name."""
    if entry.startswith("{"):
        fields = json.loads(entry)
        return str(fields.get("namespace") or namespace), str(fields.get("name"))
    place, _slash, name = entry.rpartition("/")
    return place or namespace, name.partition("@")[0]


def _annotation(workload: Document) -> str:
    node: Document = workload
    for key in _path(workload):
        node = node.get(key) or {}
    metadata = node.get("metadata") or {}
    return str((metadata.get("annotations") or {}).get(NETWORKS_ANNOTATION) or "").strip()


def _path(workload: Document) -> tuple[str, ...]:
    kind = str(workload.get("kind"))
    path = template_path(kind)
    if path is None:
        raise ValueError(f"{kind} has no pod template: one of {', '.join(sorted(_TEMPLATES))} has")
    return path


def _with_networks(workload: Document, wanted: list[str]) -> Document:
    return _changed(workload, [*_path(workload), "metadata", "annotations"], _text(wanted))


def _text(wanted: list[str]) -> str | None:
    if any(each.startswith("{") for each in wanted):
        return json.dumps([json.loads(each) if each.startswith("{") else _entry(each) for each in wanted])
    return ", ".join(wanted) or None


def _entry(text: str) -> Document:
    place, _slash, name = text.rpartition("/")
    network, _at, interface = name.partition("@")
    entry: Document = {"name": network}
    if place:
        entry["namespace"] = place
    if interface:
        entry["interface"] = interface
    return entry


def _changed(node: Document, path: list[str], value: str | None) -> Document:
    if path:
        return {**node, path[0]: _changed(node.get(path[0]) or {}, path[1:], value)}
    others = {key: each for key, each in node.items() if key != NETWORKS_ANNOTATION}
    return others if value is None else {**others, NETWORKS_ANNOTATION: value}
