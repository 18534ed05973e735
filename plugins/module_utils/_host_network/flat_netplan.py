# SPDX-License-Identifier: Apache-2.0
"""The netplan text of a flat network, and what can be read back from it. Pure.

A NIC that is used as a whole gets a definition of our own that matches it by name and whose identifier sorts before any
interface's name. Of several definitions that match a device systemd-networkd takes the first, so whatever another file
says about the NIC - its addresses, which would add up with ours if we named it the same - is out of force as long as
our file is there, and back when it goes: that file is never edited.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Mapping

from .flat_model import DHCP, NONE, Addressing, FlatNetwork, Port, Route
from .netplan import DIRECTORY, yaml_key

PREFIX = "85-fabric-flat-"
_MANAGED = "# Managed by Ansible (collection baremetal.fabric): local changes are overwritten."
_KEPT = ("mode", "addresses", "gateway", "routes", "nameservers", "search", "accept_ra")
_FACTS = re.compile(r"^# fabric-flat-network: (?P<facts>\{.*\})$", re.MULTILINE)


@dataclass(frozen=True)
class FlatFile:
    """What the file says about itself."""

    name: str
    bridge: str
    uplink: str
    #: Devices that exist because of the file, in the order in which they can be removed.
    devices: tuple[str, ...] = ()
    #: Whether it was made, and can go, without applying netplan.
    quiet: bool = False
    #: What the bridge has taken over from its uplink; None when it was told what to have.
    kept: Mapping[str, Any] | None = field(default=None)


@dataclass(frozen=True)
class Resolved:
    """A flat network whose NICs have the kernel's names and whose addressing is settled."""

    network: FlatNetwork
    uplink_nic: str
    cluster_nic: str | None
    mac: str | None
    addressing: Addressing
    kept: Mapping[str, Any] | None = None
    #: Those of the NICs that are bonds, which netplan knows by another heading.
    bonds: tuple[str, ...] = ()

    @property
    def uplink(self) -> str:
        return self.network.uplink.device(self.uplink_nic)

    @property
    def cluster(self) -> str | None:
        link = self.network.cluster
        return link.port.device(self.cluster_nic) if link else None

    @property
    def quiet(self) -> bool:
        """Whether the bridge is only another port on a device that stays as it is."""
        silent = self.addressing.mode == NONE and not self.addressing.accept_ra
        return silent and self.network.uplink.vlan_id is not None and self.network.cluster is None

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices that are made, in the order in which they can be removed."""
        vlans = [self.uplink] if self.network.uplink.vlan_id is not None else []
        if self.network.cluster and self.network.cluster.port.vlan_id is not None:
            vlans.append(str(self.cluster))
        return (self.network.bridge, *vlans)


def flat_file(name: str) -> str:
    return f"{DIRECTORY}/{PREFIX}{name}.yaml"


def name_of_file(file_name: str) -> str | None:
    found = re.fullmatch(re.escape(PREFIX) + r"(.+)\.yaml", file_name)
    return found.group(1) if found else None


def read_flat_file(text: str) -> FlatFile | None:
    """What a file says about itself; None when it is not ours."""
    found = _FACTS.search(text)
    if not found:
        return None
    facts = json.loads(found.group("facts"))
    return FlatFile(
        facts["name"],
        facts["bridge"],
        facts["uplink"],
        tuple(facts.get("devices") or ()),
        bool(facts.get("quiet")),
        facts.get("kept"),
    )


def kept_facts(addressing: Addressing) -> dict[str, Any]:
    """What was found on the uplink, so that a later run knows it when the addresses are elsewhere."""
    return {key: value for key, value in asdict(addressing).items() if key in _KEPT and value not in (None, (), False)}


def kept_addressing(facts: Mapping[str, Any], wanted: Addressing) -> Addressing:
    """The addressing that was kept, with the metric and the limits that are wanted now."""
    return Addressing(
        mode=facts["mode"],
        addresses=tuple(facts.get("addresses") or ()),
        gateway=facts.get("gateway"),
        routes=tuple(Route(r["to"], r["via"], r.get("metric")) for r in facts.get("routes") or ()),
        nameservers=tuple(facts.get("nameservers") or ()),
        search=tuple(facts.get("search") or ()),
        route_metric=wanted.route_metric,
        use_routes=wanted.use_routes,
        use_dns=wanted.use_dns,
        accept_ra=wanted.accept_ra or bool(facts.get("accept_ra")),
    )


def render_flat(wanted: Resolved) -> str:
    network = wanted.network
    facts = {
        "name": network.name,
        "bridge": network.bridge,
        "uplink": wanted.uplink,
        "devices": list(wanted.devices),
        "quiet": wanted.quiet,
        "kept": wanted.kept,
    }
    document: dict[str, Any] = {"version": 2}
    _add_nics(document, wanted)
    vlans: dict[str, Any] = {}
    if network.uplink.vlan_id is not None:
        vlans[wanted.uplink] = _vlan(wanted, network.uplink, wanted.uplink_nic, _silent())
    if network.cluster and network.cluster.port.vlan_id is not None:
        port = network.cluster.port
        addressing = _addressing(network.cluster.addressing, port.mtu)
        vlans[str(wanted.cluster)] = _vlan(wanted, port, str(wanted.cluster_nic), addressing)
    if vlans:
        document["vlans"] = vlans
    document["bridges"] = {network.bridge: _bridge(wanted)}
    lines = [_MANAGED, f"# fabric-flat-network: {json.dumps(facts, sort_keys=True)}", "network:"]
    return "\n".join([*lines, *_yaml(document, 2)]) + "\n"


def _bridge(wanted: Resolved) -> dict[str, Any]:
    network = wanted.network
    port = wanted.uplink if network.uplink.vlan_id is not None else _identifier(wanted, wanted.uplink_nic)
    bridge: dict[str, Any] = {"interfaces": [port]}
    # as before for whoever knows the server by its address; else it would change with the ports
    if wanted.mac:
        bridge["macaddress"] = wanted.mac
    if network.uplink.mtu:
        bridge["mtu"] = network.uplink.mtu
    bridge.update(_addressing(wanted.addressing, network.uplink.mtu))
    # netplan turns STP on as soon as a bridge has any parameter, so it is said here
    bridge["parameters"] = {"stp": False, "forward-delay": 0}
    return bridge


def _add_nics(document: dict[str, Any], wanted: Resolved) -> None:
    """The NICs below. What is used as a whole is ours; what only carries a VLAN of ours is left as others have it."""
    network = wanted.network
    ethernets: dict[str, Any] = {}
    bonds: dict[str, Any] = {}
    legs: list[tuple[str, Port]] = [(wanted.uplink_nic, network.uplink)]
    if network.cluster:
        legs.append((str(wanted.cluster_nic), network.cluster.port))
    for nic, port in legs:
        place = bonds if nic in wanted.bonds else ethernets
        entry = place.setdefault(_identifier(wanted, nic), {})
        mtu = max(port.mtu or 0, entry.pop("mtu", 0))
        if port.vlan_id is None:
            entry["match"] = {"name": nic}
            own = network.cluster is not None and port is network.cluster.port
            entry.update(_addressing(network.cluster.addressing, port.mtu) if own and network.cluster else _silent())
        if mtu:
            entry["mtu"] = mtu
    if ethernets:
        document["ethernets"] = ethernets
    if bonds:
        document["bonds"] = bonds


def _identifier(wanted: Resolved, nic: str) -> str:
    """The name by which netplan knows a NIC: a digit sorts before every interface's name."""
    network = wanted.network
    if nic == wanted.uplink_nic and network.uplink.vlan_id is None:
        return f"0-fabric-{network.name}"
    if network.cluster and nic == wanted.cluster_nic and network.cluster.port.vlan_id is None:
        return f"0-fabric-{network.name}-cluster"
    return nic


def _vlan(wanted: Resolved, port: Port, nic: str, addressing: Mapping[str, Any]) -> dict[str, Any]:
    vlan: dict[str, Any] = {"id": port.vlan_id, "link": _identifier(wanted, nic)}
    if port.mtu:
        vlan["mtu"] = port.mtu
    return {**vlan, **addressing}


def _silent() -> dict[str, Any]:
    return {"dhcp4": False, "dhcp6": False, "accept-ra": False, "link-local": [], "optional": True}


def _addressing(addressing: Addressing, mtu: int | None) -> dict[str, Any]:
    """A device's addresses. Every default route has a metric, so which one is used is nobody's luck."""
    dynamic = addressing.mode == DHCP
    result: dict[str, Any] = {"dhcp4": dynamic, "dhcp6": False, "accept-ra": addressing.accept_ra}
    if not addressing.addresses and not dynamic and not addressing.accept_ra:
        return {**result, "link-local": [], "optional": True}
    if not addressing.accept_ra:
        result["link-local"] = []
    if dynamic:
        # the address follows the MAC, whichever device has it
        result["dhcp-identifier"] = "mac"
        result["dhcp4-overrides"] = {
            "route-metric": addressing.route_metric,
            "use-routes": addressing.use_routes,
            "use-dns": addressing.use_dns,
            **({"use-mtu": False} if mtu else {}),
        }
    if addressing.addresses:
        result["addresses"] = list(addressing.addresses)
    routes: list[dict[str, Any]] = []
    if addressing.gateway:
        # on-link: a default route that was kept may have a gateway outside of the addresses' networks
        everywhere = _destination("default", addressing.gateway)
        routes.append({"to": everywhere, "via": addressing.gateway, "metric": addressing.route_metric, "on-link": True})
    for route in addressing.routes:
        metric = addressing.route_metric if route.metric is None else route.metric
        routes.append({"to": _destination(route.to, route.via), "via": route.via, "metric": metric})
    if routes:
        result["routes"] = routes
    if addressing.nameservers or addressing.search:
        servers = {"addresses": list(addressing.nameservers), "search": list(addressing.search)}
        result["nameservers"] = {key: value for key, value in servers.items() if value}
    return result


def _destination(to: str, via: str) -> str:
    """Older releases of netplan have no word for the default route."""
    if to != "default":
        return to
    return "::/0" if ":" in via else "0.0.0.0/0"


def _yaml(node: Mapping[str, Any], width: int) -> list[str]:
    """Block style with JSON's scalars, which are YAML's too: no name can be misread."""
    lines: list[str] = []
    for key, value in node.items():
        head = f"{' ' * width}{yaml_key(key)}:"
        if isinstance(value, Mapping) and value:
            lines += [head, *_yaml(value, width + 2)]
        else:
            lines.append(f"{head} {json.dumps(value)}")
    return lines
