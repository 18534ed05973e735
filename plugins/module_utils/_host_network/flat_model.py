# SPDX-License-Identifier: Apache-2.0
"""What a server's leg in a flat network should be: a bridge for pods, and beside it the link of the cluster's own
traffic. Pure: options in, checked values out."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Any, Mapping

from .errors import HostNetworkError
from .model import interface_mistake

KEEP, DHCP, STATIC, NONE = "keep", "dhcp", "static", "none"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")
# Others make bridges of these names by themselves.
_TAKEN = {
    "cni0": "flannel and the bridge plugin",
    "cbr0": "kubenet",
    "docker0": "Docker",
    "virbr0": "libvirt",
    "podman0": "Podman",
}
_TENANT_BRIDGE = "br-vlan-"


@dataclass(frozen=True)
class Route:
    to: str
    via: str
    metric: int | None = None


@dataclass(frozen=True)
class Addressing:
    """How a device gets its addresses. KEEP becomes one of the others once it is known what there is to keep."""

    mode: str = KEEP
    addresses: tuple[str, ...] = ()
    gateway: str | None = None
    routes: tuple[Route, ...] = ()
    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    route_metric: int = 300
    use_routes: bool = True
    use_dns: bool = True
    accept_ra: bool = False

    @property
    def default_route(self) -> bool:
        """Whether it may bring a default route."""
        return self.gateway is not None or (self.mode in (DHCP, KEEP) and self.use_routes)


@dataclass(frozen=True)
class Port:
    """A NIC, or a VLAN on it. The NIC is known by its MAC where one is given, else by its name; it may be a bond."""

    nic: str
    mac: str | None = None
    vlan_id: int | None = None
    mtu: int | None = None

    def device(self, nic: str | None = None) -> str:
        """The device that carries the network; `nic` is the kernel's name of the NIC."""
        return (nic or self.nic) if self.vlan_id is None else f"{nic or self.nic}.{self.vlan_id}"


@dataclass(frozen=True)
class ClusterLink:
    """Where the cluster's own traffic goes."""

    port: Port
    addressing: Addressing


@dataclass(frozen=True)
class FlatNetwork:
    name: str
    present: bool = True
    bridge: str = "br-lan"
    uplink: Port = field(default_factory=lambda: Port(""))
    addressing: Addressing = field(default_factory=Addressing)
    cluster: ClusterLink | None = None


def flat_network_from_options(options: Mapping[str, Any]) -> FlatNetwork:
    """Check the options as a whole and name every mistake in one message."""
    mistakes = flat_mistakes(options)
    if mistakes:
        raise HostNetworkError("; ".join(mistakes), mistakes=mistakes)
    if options.get("state") == "absent":
        return FlatNetwork(str(options["name"]), present=False)
    link = options.get("cluster_link")
    return FlatNetwork(
        name=str(options["name"]),
        bridge=str(options["bridge"]),
        uplink=_port(options["uplink"]),
        addressing=_addressing(options.get("addressing") or {}, KEEP, 300),
        cluster=ClusterLink(_port(link), _addressing(link.get("addressing") or {}, DHCP, 100)) if link else None,
    )


def flat_mistakes(options: Mapping[str, Any]) -> list[str]:
    """Every mistake, each beginning with the path of the option that makes it."""
    found: list[str] = []
    name = str(options.get("name") or "")
    if not _NAME.fullmatch(name) or len(name) > 40:
        found.append(f"name: '{name}' is not a DNS-1123 label of at most 40 characters")
    if options.get("state") == "absent":
        return found
    bridge = str(options.get("bridge") or "")
    found += _interface("bridge", bridge)
    if bridge in _TAKEN:
        found.append(f"bridge: {bridge} is the name of a bridge that {_TAKEN[bridge]} would make: choose another")
    elif bridge.startswith(_TENANT_BRIDGE):
        found.append(f"bridge: names that begin with {_TENANT_BRIDGE} are those of tenant clusters: choose another")
    uplink = options.get("uplink") or {}
    found += _port_mistakes("uplink", uplink)
    found += _addressing_mistakes("addressing", options.get("addressing") or {}, KEEP)
    link = options.get("cluster_link")
    if link:
        found += _port_mistakes("cluster_link", link)
        found += _addressing_mistakes("cluster_link.addressing", link.get("addressing") or {}, DHCP)
        if (link.get("addressing") or {}).get("mode") == KEEP:
            found.append("cluster_link.addressing.mode: only the bridge keeps what was there; say dhcp, static or none")
        if not found:
            found += _between(options, link)
    return found


def _between(options: Mapping[str, Any], link: Mapping[str, Any]) -> list[str]:
    """What must hold between the bridge and the cluster's link."""
    uplink, port = _port(options["uplink"]), _port(link)
    found: list[str] = []
    if uplink.device() == port.device():
        found.append(
            f"cluster_link: {port.device()} is the bridge's uplink; take another NIC or a VLAN that the bridge has not"
        )
    if uplink.nic == port.nic and uplink.mac != port.mac:
        found.append(f"cluster_link.mac: {port.nic} is given as uplink too, with another MAC address")
    elif uplink.mac and uplink.mac == port.mac and uplink.nic != port.nic:
        found.append(f"cluster_link.mac: {port.mac} is given as {uplink.nic} too; give one NIC one name")
    if port.device() == options["bridge"] or uplink.device() == options["bridge"]:
        found.append(f"bridge: {options['bridge']} is the name of one of its NICs")
    one = _addressing(options.get("addressing") or {}, KEEP, 300)
    other = _addressing(link.get("addressing") or {}, DHCP, 100)
    if one.default_route and other.default_route and one.route_metric == other.route_metric:
        found.append(
            "cluster_link.addressing.route_metric: both links may bring a default route with metric"
            f" {one.route_metric}: give the one that shall be used the lower figure"
        )
    return found


def _port(entry: Mapping[str, Any]) -> Port:
    mac = str(entry["mac"]).lower() if entry.get("mac") else None
    return Port(str(entry["nic"]), mac, entry.get("vlan_id"), entry.get("mtu"))


def _port_mistakes(where: str, entry: Mapping[str, Any]) -> list[str]:
    nic = str(entry.get("nic") or "")
    if not nic:
        return [f"{where}.nic: missing: the NIC that the network comes in by"]
    found = _interface(f"{where}.nic", nic)
    vlan = entry.get("vlan_id")
    if vlan is not None and not 1 <= vlan <= 4094:
        found.append(f"{where}.vlan_id: {vlan} is not a VLAN id (1 to 4094)")
    elif vlan is not None and not found:
        found += _interface(f"{where}: VLAN device", f"{nic}.{vlan}")
    if entry.get("mac") and not _MAC.fullmatch(str(entry["mac"])):
        found.append(f"{where}.mac: '{entry['mac']}' is not a MAC address")
    mtu = entry.get("mtu")
    if mtu is not None and not 1280 <= mtu <= 65535:
        found.append(f"{where}.mtu: {mtu} is not a usable MTU (1280 to 65535)")
    return found


def _interface(where: str, name: str) -> list[str]:
    mistake = interface_mistake(name)
    return [f"{where}: {mistake}"] if mistake else []


def _addressing(entry: Mapping[str, Any], mode: str, metric: int) -> Addressing:
    return Addressing(
        mode=entry.get("mode") or mode,
        addresses=tuple(entry.get("addresses") or ()),
        gateway=entry.get("gateway") or None,
        routes=tuple(Route(str(r["to"]), str(r["via"]), r.get("metric")) for r in entry.get("routes") or ()),
        nameservers=tuple(entry.get("nameservers") or ()),
        search=tuple(entry.get("search") or ()),
        route_metric=metric if entry.get("route_metric") is None else entry["route_metric"],
        use_routes=entry.get("use_routes") is not False,
        use_dns=entry.get("use_dns") is not False,
        accept_ra=bool(entry.get("accept_ra")),
    )


def _addressing_mistakes(where: str, entry: Mapping[str, Any], default: str) -> list[str]:
    mode = entry.get("mode") or default
    found: list[str] = []
    if mode == STATIC and not entry.get("addresses"):
        found.append(f"{where}.addresses: missing; mode static takes addresses such as 192.168.2.5/24")
    if mode != STATIC:
        found += [
            f"{where}.{key}: only with mode static, not {mode}" for key in ("addresses", "gateway") if entry.get(key)
        ]
    if mode in (KEEP, NONE):
        found += [f"{where}.routes: only with mode static or dhcp, not {mode}"] if entry.get("routes") else []
    networks: list[Any] = []
    for index, address in enumerate(entry.get("addresses") or ()):
        network = _network_of(str(address))
        networks.append(network)
        if network is None:
            found.append(f"{where}.addresses[{index}]: '{address}' is no address with prefix length")
    gateway = entry.get("gateway")
    if gateway:
        found += _address(f"{where}.gateway", gateway)
        inside = [network for network in networks if network is not None]
        if not found and inside and not any(ipaddress.ip_address(gateway) in network for network in inside):
            found.append(f"{where}.gateway: {gateway} is in none of the networks of addresses")
    for index, route in enumerate(entry.get("routes") or ()):
        if route.get("to") != "default" and not _network(route.get("to")):
            found.append(f"{where}.routes[{index}].to: '{route.get('to')}' is no network such as 10.1.0.0/16")
        found += _address(f"{where}.routes[{index}].via", route.get("via"))
    for index, server in enumerate(entry.get("nameservers") or ()):
        found += _address(f"{where}.nameservers[{index}]", server)
    metric = entry.get("route_metric")
    if metric is not None and not 0 <= metric <= 4294967295:
        found.append(f"{where}.route_metric: {metric} is no metric (0 to 4294967295)")
    return found


def _address(where: str, value: object) -> list[str]:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        return [f"{where}: '{value}' is no address"]
    return []


def _network_of(address: str) -> Any:
    """The network that an address with prefix length is in; None when it is none."""
    try:
        return ipaddress.ip_interface(address).network if "/" in address else None
    except ValueError:
        return None


def _network(value: object) -> bool:
    try:
        ipaddress.ip_network(str(value))
    except ValueError:
        return False
    return "/" in str(value)
