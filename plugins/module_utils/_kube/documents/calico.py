# SPDX-License-Identifier: Apache-2.0
"""Calico's Installation for a cluster whose own traffic has a link of its own."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any

from .common import Document, DocumentError, merge

#: Our words for the ways in which a node may find its address, and Calico's.
AUTODETECTION = {
    "interface": "interface",
    "skip_interface": "skipInterface",
    "can_reach": "canReach",
    "cidrs": "cidrs",
    "kubernetes": "kubernetes",
    "first_found": "firstFound",
}
_WITHOUT_BGP = ("VXLAN", "VXLANCrossSubnet")
_ENCAPSULATIONS = ("None", "IPIP", "IPIPCrossSubnet", *_WITHOUT_BGP)


def calico_installation(intent: Document) -> Document:
    """The Installation `default`, or what RKE2's chart makes one of.

    `intent`: pools [{cidr, block_size, encapsulation, nat_outgoing, node_selector}], autodetection (one of the words
    above); optional: bgp, dataplane, mtu, rke2 (whether RKE2 brings Calico), spec (merged last). Unless told otherwise
    it is BGP, without encapsulation and without NAT: the pods' addresses are routed.
    """
    mistakes = calico_mistakes(intent)
    if mistakes:
        raise DocumentError("; ".join(mistakes))
    network: Document = {
        "bgp": _word(intent.get("bgp", True)),
        "linuxDataplane": intent.get("dataplane") or "Iptables",
        "ipPools": [_pool(pool) for pool in intent["pools"]],
        "nodeAddressAutodetectionV4": _autodetection(intent["autodetection"]),
    }
    if intent.get("mtu"):
        network["mtu"] = int(intent["mtu"])
    spec: Document = {
        "calicoNetwork": network,
        "cni": {"type": "Calico", "ipam": {"type": "Calico"}},
        "variant": "Calico",
    }
    if intent.get("rke2"):
        # there the operator and its Installation come from a chart: a change behind its back would be undone
        values = {"installation": merge({"calicoNetwork": network}, intent.get("spec") or {})}
        return {
            "apiVersion": "helm.cattle.io/v1",
            "kind": "HelmChartConfig",
            "metadata": {"name": "rke2-calico", "namespace": "kube-system"},
            # JSON is YAML, and nothing in it can be misread
            "spec": {"valuesContent": json.dumps(values, indent=2)},
        }
    return {
        "apiVersion": "operator.tigera.io/v1",
        "kind": "Installation",
        "metadata": {"name": "default"},
        "spec": merge(spec, intent.get("spec") or {}),
    }


def calico_mistakes(intent: Document, bridge: str | None = None) -> list[str]:
    """Every mistake with its path. `bridge` is one whose address must not become the nodes'."""
    found: list[str] = []
    pools = intent.get("pools") or []
    if not pools:
        found.append("pools: missing: where pods get their addresses from")
    seen: list[tuple[int, Any]] = []
    bgp = bool(intent.get("bgp", True))
    for index, pool in enumerate(pools):
        where = f"pools[{index}]"
        network = _network(pool.get("cidr"))
        if network is None:
            found.append(f"{where}.cidr: '{pool.get('cidr')}' is not an IPv4 network such as 192.168.7.0/24")
        else:
            found += [f"{where}.cidr: {network} overlaps pools[{n}]" for n, other in seen if network.overlaps(other)]
            seen.append((index, network))
            block = int(pool.get("block_size") or 26)
            if not max(20, network.prefixlen) <= block <= 32:
                found.append(
                    f"{where}.block_size: {block} is no part of {network} (20 to 32, not below its prefix length)"
                )
        encapsulation = pool.get("encapsulation") or "None"
        if encapsulation not in _ENCAPSULATIONS:
            found.append(f"{where}.encapsulation: '{encapsulation}' is none of {', '.join(_ENCAPSULATIONS)}")
        elif not bgp and encapsulation not in _WITHOUT_BGP:
            found.append(f"{where}.encapsulation: {encapsulation} needs BGP, which is off (bgp)")
    return found + _autodetection_mistakes(intent.get("autodetection") or {}, bridge)


def _autodetection_mistakes(wanted: Document, bridge: str | None) -> list[str]:
    given = {key: value for key, value in wanted.items() if value}
    unknown = sorted(set(given) - set(AUTODETECTION))
    if unknown:
        return [f"autodetection.{unknown[0]}: unknown: one of {', '.join(AUTODETECTION)}"]
    if len(given) != 1:
        many = f"{', '.join(sorted(given))} are given" if given else "missing"
        return [f"autodetection: {many}: exactly one of {', '.join(AUTODETECTION)} tells which address is the node's"]
    ((way, value),) = given.items()
    where = f"autodetection.{way}"
    if way == "can_reach" and not _host(str(value)):
        return [f"{where}: '{value}' is no address and no name of a host; a link is given by interface: ^{value}$"]
    if way == "cidrs":
        return [
            f"{where}[{n}]: '{each}' is not an IPv4 network" for n, each in enumerate(value) if _network(each) is None
        ]
    if way in ("interface", "skip_interface"):
        try:
            pattern = re.compile(str(value))
        except re.error as error:
            return [f"{where}: '{value}' is no regular expression: {error}"]
        if way == "interface" and bridge and pattern.search(bridge):
            return [f"{where}: '{value}' means {bridge}, too, which is not where the cluster's traffic belongs"]
    return []


def _host(text: str) -> bool:
    """An address, or a name with a dot: what has none is most likely an interface."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+\.?", text) is not None
    return True


def _network(text: Any) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(str(text)) if "/" in str(text) else None
    except ValueError:
        return None


def _pool(pool: Document) -> Document:
    return {
        "cidr": pool["cidr"],
        "blockSize": int(pool.get("block_size") or 26),
        "encapsulation": pool.get("encapsulation") or "None",
        "natOutgoing": _word(pool.get("nat_outgoing", False)),
        "nodeSelector": pool.get("node_selector") or "all()",
    }


def _autodetection(wanted: Document) -> Document:
    ((way, value),) = ((key, each) for key, each in wanted.items() if each)
    if way == "kubernetes":
        value = "NodeInternalIP"
    return {AUTODETECTION[way]: value}


def _word(value: Any) -> str:
    return "Enabled" if value else "Disabled"
