# SPDX-License-Identifier: Apache-2.0
"""What must hold before a LAN is declared. k8slan's webhook knows few of these, and uniqueness not at all. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from .._kube.documents.common import MANAGED_BY
from . import model
from .consumers import Consumer
from .model import Lan, key_of, shown

Document = dict[str, Any]
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NETNS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DEVICE = re.compile(r"[^\s/:%]+")
#: Two fewer than the kernel allows: k8slan appends to the names of spokes.
NAME_LENGTH = 13
_DEVICE_LENGTH = 15
_VNIS, _SPOKES, _PORTS = 0xFFFFFF, 4095, 0xFFFF
#: Of a label, and of what follows the slash in the name of a resource.
_LABEL_LENGTH = 63
#: The VXLAN ports of CNIs that use VXLAN.
_CNI_PORTS = {"calico": 4789, "canal": 8472, "cilium": 8472, "flannel": 8472}

NOT_OURS = (
    f"was not made by this collection (label {model.MANAGED_BY_LABEL}); to hand it over, set that label to {MANAGED_BY}"
)


@dataclass
class Facts:
    """What was read from the cluster; None is what could not be asked (yet)."""

    lans: list[Document] = field(default_factory=list)
    attachments: list[Document] = field(default_factory=list)
    consumers: list[Consumer] = field(default_factory=list)
    namespaces: set[str] | None = None
    nodes: list[Document] | None = None
    #: k8slan's own pods, one on each node that it serves.
    agents: list[Document] = field(default_factory=list)
    cni: str = ""
    encapsulation: list[str] = field(default_factory=list)


def mistakes(lans: Sequence[Lan], facts: Facts, leaving: Sequence[tuple[str, str]] = ()) -> list[str]:
    """A sentence for each, with its path. `leaving`: namespace and name of LANs that shall not be there."""
    found = []
    for number, lan in enumerate(lans):
        where = f"lans[{number}]"
        for check in (_names, _numbers, _spokes):
            found += [f"{where}.{text}" for text in check(lan)]
        for look in (_place, _port, _devices, _foreign_attachments, _attached):
            found += [f"{where}.{text}" for text in look(lan, facts)]
    found += _unique(lans, facts)
    torn = [shown(lan.key) for lan in lans if lan.key in leaving]
    return [*found, *(f"lans: {each} shall be there and shall not be there" for each in torn)]


# -- a LAN by itself


def _names(lan: Lan) -> Iterator[str]:
    if not _LABEL.fullmatch(lan.name) or len(lan.name) > _LABEL_LENGTH:
        yield f"name: '{lan.name}' is no DNS label (lower-case letters, digits and dashes, {_LABEL_LENGTH} at most)"
    if not _NETNS.fullmatch(lan.netns):
        yield f"netns: '{lan.netns}' cannot be the name of a network namespace (letters, digits, '.', '_' and '-')"
    for key, name in (("bridge", lan.bridge), ("vxlan", lan.vxlan)):
        if problem := device_problem(name, NAME_LENGTH):
            yield f"{key}: {problem}"
    if lan.bridge == lan.vxlan:
        yield f"vxlan: '{lan.vxlan}' is the bridge's name, too, in the same network namespace"


def _numbers(lan: Lan) -> Iterator[str]:
    if lan.vni is None:
        yield "vni: is required"
    elif not 1 <= lan.vni <= _VNIS:
        yield f"vni: {lan.vni} is not in 1..{_VNIS}"
    if not 1 <= lan.port <= _PORTS:
        yield f"port: {lan.port} is not in 1..{_PORTS}"
    try:
        multicast = ip_address(lan.group).is_multicast
    except ValueError:
        multicast = False
    if not multicast:
        yield f"group: '{lan.group}' is no multicast address such as {model.DEFAULT_GROUP}"


def _spokes(lan: Lan) -> Iterator[str]:
    if not 1 <= len(lan.spokes) <= _SPOKES:
        yield f"spokes: {len(lan.spokes)} are given, k8slan takes 1..{_SPOKES}"
    for number, spoke in enumerate(lan.spokes):
        where = f"spokes[{number}].name: '{spoke.name}'"
        if not 1 <= len(spoke.name) <= NAME_LENGTH:
            yield f"{where} has {len(spoke.name)} characters, k8slan takes 1..{NAME_LENGTH}"
        elif not _LABEL.fullmatch(spoke.name):
            yield f"{where} becomes part of an attachment's name: lower-case letters, digits and dashes only"
        elif len(model.attachment(lan, spoke, "veth")) > _LABEL_LENGTH:
            yield f"{where} and the LAN's name are too long together for the name of a resource ({_LABEL_LENGTH})"
        # what k8slan plugs into the bridge
        if f"{spoke.name}p" in (lan.bridge, lan.vxlan):
            yield f"{where}: its bridge port '{spoke.name}p' would have the name of the LAN's bridge or VXLAN device"


def device_problem(name: str, length: int = _DEVICE_LENGTH) -> str | None:
    """Why this cannot be the name of a network device."""
    if not 1 <= len(name) <= length:
        return f"'{name}' has {len(name)} characters, 1..{length} are possible"
    if not _DEVICE.fullmatch(name) or name in (".", ".."):
        return f"'{name}' is no name of a network device (no space, '/', ':' or '%')"
    return None


# -- a LAN in its cluster


def _place(lan: Lan, facts: Facts) -> Iterator[str]:
    if facts.namespaces is not None and lan.namespace not in facts.namespaces:
        yield f"namespace: there is no namespace '{lan.namespace}'; make it first, it stays when the LAN goes"


def _port(lan: Lan, facts: Facts) -> Iterator[str]:
    used = _CNI_PORTS.get(facts.cni)
    if used == lan.port and any("vxlan" in each.lower() for each in facts.encapsulation):
        yield f"port: {lan.port} is the VXLAN port of the CNI, {facts.cni}; take another, such as {model.DEFAULT_PORT}"


def _devices(lan: Lan, facts: Facts) -> Iterator[str]:
    named = [("device", lan.device), *((f"devices.{host}", device) for host, device in lan.devices.items())]
    for key, device in named:
        if device and (problem := device_problem(device)):
            yield f"{key}: {problem}"
    if facts.nodes is None:
        return
    known = sorted(model.host_of(node) for node in facts.nodes)
    for host in lan.devices:
        if host not in known:
            yield f"devices.{host}: there is no node with this host name; there are {', '.join(known) or 'none'}"
    for host in served(facts):
        if not lan.device_of(host):
            yield f"device: {host} has none; set it, or devices.{host}"


def served(facts: Facts) -> list[str]:
    """Host names of the nodes that k8slan serves: where its pods are or, before it is installed, would be."""
    nodes = {str(node["metadata"]["name"]): node for node in facts.nodes or []}
    if facts.agents:
        places = {str((pod.get("spec") or {}).get("nodeName", "")) for pod in facts.agents}
        return sorted(model.host_of(nodes[name]) for name in places if name in nodes)
    return sorted(model.host_of(node) for node in nodes.values() if not _tainted(node))


def _tainted(node: Document) -> bool:
    taints = (node.get("spec") or {}).get("taints") or []
    return any(taint.get("effect") in ("NoSchedule", "NoExecute") for taint in taints)


def _foreign_attachments(lan: Lan, facts: Facts) -> Iterator[str]:
    """k8slan makes no attachment whose name is taken anywhere, and says nothing about it."""
    taken = {each["metadata"]["name"]: each for each in facts.attachments}
    for number, spoke in enumerate(lan.spokes):
        for kind in model.KINDS.values():
            found = taken.get(model.attachment(lan, spoke, kind))
            if found is None or owner_of(found) == lan.key:
                continue
            yield (
                f"spokes[{number}].name: '{spoke.name}' needs the network attachment {found['metadata']['name']}, which"
                f" is there already, in namespace {found['metadata']['namespace']}, and not this LAN's"
            )


def owner_of(attachment: Document) -> tuple[str, str] | None:
    """The LAN that a network attachment was made for."""
    for owner in attachment["metadata"].get("ownerReferences") or []:
        if owner.get("kind") == model.KIND:
            return str(attachment["metadata"]["namespace"]), str(owner["name"])
    return None


def _attached(lan: Lan, facts: Facts) -> Iterator[str]:
    for number, spoke in enumerate(lan.spokes):
        places = {kind: (lan.namespace, model.attachment(lan, spoke, kind)) for kind in model.KINDS.values()}
        right = places[model.KINDS[spoke.consumer]]
        found = [each for each in facts.consumers if each.attachment in places.values()]
        for each in found:
            if each.attachment != right:
                yield (
                    f"spokes[{number}].consumer: the spoke '{spoke.name}' is for a {spoke.consumer}, by {right[1]}, but"
                    f" {each.shown} uses {each.attachment[1]}"
                )
        who = sorted({each.shown for each in found})
        if len(who) > 1:
            yield f"spokes[{number}].name: '{spoke.name}' takes one consumer, but has {len(who)}: {', '.join(who)}"


# -- LANs among each other


def _unique(lans: Sequence[Lan], facts: Facts) -> Iterator[str]:
    """Across all namespaces, with those that exist. What is to be made anew counts as it will be."""
    for key, count in sorted(Counter(lan.key for lan in lans).items()):
        if count > 1:
            yield f"lans: {shown(key)} is there {count} times"
    wanted = {lan.key for lan in lans}
    others = [each for each in facts.lans if key_of(each) not in wanted]
    yield from _duplicates(
        "netns",
        [(lan.netns, shown(lan.key)) for lan in lans],
        [(_spec(each).get("ns"), shown(key_of(each))) for each in others],
    )
    yield from _duplicates(
        "vni",
        [(lan.vni, shown(lan.key)) for lan in lans if lan.vni is not None],
        [(_spec(each).get("vni"), shown(key_of(each))) for each in others],
    )
    yield from _duplicates(
        "spoke",
        [(spoke.name, shown(lan.key)) for lan in lans for spoke in lan.spokes],
        [(name, shown(key_of(each))) for each in others for name in _spec(each).get("spokes") or []],
    )


def _spec(found: Document) -> Document:
    spec: Document = found.get("spec") or {}
    return spec


def _duplicates(what: str, wanted: list[tuple[Any, str]], existing: list[tuple[Any, str]]) -> Iterator[str]:
    for value in sorted({value for value, _lan in wanted}, key=str):
        holders = [lan for each, lan in wanted if each == value]
        there = [f"{lan} (exists)" for each, lan in existing if each == value]
        if len(holders) + len(there) > 1:
            who = ", ".join([*holders, *there])
            yield f"lans: {what} {value} must be used once in the whole cluster, but is by {who}"


def removal_mistakes(found: Sequence[Document], facts: Facts) -> list[str]:
    """Why LANs that exist cannot be taken away: they are not ours, or somebody is attached."""
    told = []
    for each in found:
        name = shown(key_of(each))
        if not model.ours(each):
            told.append(f"LAN {name} {NOT_OURS}")
        own = {
            (str(a["metadata"]["namespace"]), str(a["metadata"]["name"]))
            for a in facts.attachments
            if owner_of(a) == key_of(each)
        }
        who = sorted({consumer.shown for consumer in facts.consumers if consumer.attachment in own})
        if who:
            told.append(
                f"LAN {name} still has {', '.join(who)} attached: remove these first, they would lose their interface"
            )
        foreign = [text for text in each["metadata"].get("finalizers") or [] if not text.startswith(model.FINALIZERS)]
        if foreign:
            told.append(f"LAN {name} is held by {', '.join(foreign)}, for which k8slan refuses its deletion")
    return told
