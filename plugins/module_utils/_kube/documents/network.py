"""The networks of a tenant cluster in the host cluster: a namespace with three NetworkAttachmentDefinitions."""

from __future__ import annotations

import json

from .common import Document, DocumentError, known, labels, namespace, require

CNI_VERSION = "1.0.0"
CONTROL_PLANE, LOAD_BALANCER, VIRTUAL = "control-plane", "api-load-balancer", "virtual"
ATTACHMENTS = (CONTROL_PLANE, LOAD_BALANCER, VIRTUAL)


def network_objects(intent: Document) -> list[Document]:
    """Namespace and attachments.

    `intent`: name, namespace, bridge, subnet, control_plane_range {start, end} (each of the last three may be None as
    long as it is not known), promiscuous, sysctls, mtu (optional), ipam (optional additions to whereabouts' keys).
    """
    require(intent, ("name", "namespace", "bridge", "subnet", "control_plane_range", "promiscuous", "sysctls"))
    return [
        namespace(intent["namespace"], intent["name"], intent.get("namespace_labels")),
        _attachment(intent, CONTROL_PLANE, _addresses(intent)),
        # kube-vip puts the VIP on this one by itself; a pool would only give away addresses of the subnet.
        _attachment(intent, LOAD_BALANCER, None),
        # The guests of these pods ask the fabric's DHCP.
        _attachment(intent, VIRTUAL, None),
    ]


def _addresses(intent: Document) -> Document:
    span = intent["control_plane_range"] or {}
    return {
        "type": "whereabouts",
        "range": known(intent["subnet"]),
        "range_start": known(span.get("start")),
        "range_end": known(span.get("end")),
        # Tenant clusters may use the same subnet: without a name of its own they would share one pool.
        "network_name": intent["name"],
        # Reservations across ranges serve overlapping ranges of one network, which we never make, and whereabouts'
        # reconciler mistakes those of named networks for orphans.
        "enable_overlapping_ranges": False,
        **(intent.get("ipam") or {}),
    }


def _attachment(intent: Document, name: str, ipam: Document | None) -> Document:
    bridge: Document = {
        "type": "bridge",
        "bridge": known(intent["bridge"]),
        "promiscMode": bool(intent["promiscuous"]),
    }
    if intent.get("mtu"):
        bridge["mtu"] = int(intent["mtu"])
    if ipam:
        bridge["ipam"] = ipam
    plugins = [bridge]
    if intent["sysctls"]:
        # A pod inherits the host's forwarding, and with one leg in the tenant VLAN and one in the pod network it would
        # route between them.
        plugins.append({"type": "tuning", "sysctl": {key: str(value) for key, value in intent["sysctls"].items()}})
    config = {"cniVersion": CNI_VERSION, "name": f"{intent['name']}-{name}", "plugins": plugins}
    return {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": name, "namespace": intent["namespace"], "labels": labels(intent["name"])},
        "spec": {"config": _json(config)},
    }


def _json(config: Document) -> str:
    """The API takes any string here and a broken one fails only when a pod starts, so it is proven sound first."""
    try:
        return json.dumps(config, indent=2, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DocumentError(f"network configuration is not JSON: {error}") from error


def pool_pattern(network: str) -> str:
    """Matches the names of whereabouts' objects of one network, whose range is not known any more on deletion.

    A pool is called <network>-<address>-<prefix length>; the digits keep `blue` from matching those of `blue-2`.
    """
    return rf"^{_escaped(network)}-\d{{1,3}}(\.\d{{1,3}}){{3}}(-\d{{1,2}})?$"


def _escaped(text: str) -> str:
    # Names are DNS labels: dots and hyphens are all that can occur besides letters and digits.
    return text.replace(".", r"\.")
