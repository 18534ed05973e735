"""What the controller wants of this switch, decoded from its answer."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass
from typing import Any

BRIDGE = "br0"
VPC_PREFIX = "vpc-"
LEG_PREFIX = "vnet"
GATEWAY_PREFIX = "gw"
_INTERFACE = re.compile(r"^[A-Za-z][A-Za-z0-9_.-]{0,14}$")
_RESERVED = re.compile(rf"^({BRIDGE}|lo|vec\d*|{LEG_PREFIX}\d+|{GATEWAY_PREFIX}\d+|swp\d+)$")


@dataclass(frozen=True)
class Port:
    name: str
    mtu: int
    up: bool
    description: str


@dataclass(frozen=True)
class Lag:
    name: str
    device: str
    members: tuple[str, ...]
    lacp: bool
    mtu: int


@dataclass(frozen=True)
class Dhcp:
    start: str
    end: str
    lease_time: int
    dns: tuple[str, ...]
    domain_search: str
    options: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Gateway:
    address: str  # with prefix length
    dhcp: Dhcp | None


@dataclass(frozen=True)
class Member:
    interface: str
    tagged: bool


@dataclass(frozen=True)
class VNet:
    id: int
    name: str
    vlan: int
    vpc: int
    gateways: tuple[Gateway, ...]
    members: tuple[Member, ...]

    @property
    def leg(self) -> str:
        """The V-Net's interface in its VPC's namespace."""
        return f"{LEG_PREFIX}{self.id}"

    @property
    def gateway_port(self) -> str:
        """The bridge port behind which the gateway is."""
        return f"{GATEWAY_PREFIX}{self.id}"

    @property
    def namespace(self) -> str:
        return f"{VPC_PREFIX}{self.vpc}"

    @property
    def mac(self) -> str:
        """The gateway's address: the same after a reboot, so that servers need not learn it anew."""
        return "02:fb:" + ":".join(f"{byte:02x}" for byte in self.id.to_bytes(4, "big"))


@dataclass(frozen=True)
class Uplink:
    """Where the outside is: set at the switch, as the cabling is, and not by the controller."""

    port: str
    address: str  # with prefix length
    gateway: str = ""


@dataclass(frozen=True)
class Nat:
    """A rule in force. Of ports, the first and the last; None is any."""

    name: str
    vpc: int
    action: str  # snat, dnat or accept_snat
    protocol: str
    source: str
    source_ports: tuple[int, int] | None
    destination: str
    destination_ports: tuple[int, int] | None
    outside: tuple[str, ...]
    to: str
    to_ports: tuple[int, int] | None


@dataclass(frozen=True)
class Peering:
    """Two VPCs, and for each the networks that it reaches through the other."""

    id: int
    name: str
    sides: tuple[tuple[int, tuple[str, ...]], tuple[int, tuple[str, ...]]]


@dataclass(frozen=True)
class Desired:
    generation: int
    ports: tuple[Port, ...]
    lags: tuple[Lag, ...]
    vnets: tuple[VNet, ...]
    nat: tuple[Nat, ...] = ()
    peerings: tuple[Peering, ...] = ()
    uplink: Uplink | None = None

    def device(self, interface: str) -> str:
        """The kernel's name of a member interface."""
        return next((lag.device for lag in self.lags if lag.name == interface), interface)


def lag_device(name: str) -> str:
    """A name for the bond: the controller's own where the kernel takes it."""
    if _INTERFACE.match(name) and not _RESERVED.match(name):
        return name
    return "lag-" + hashlib.sha256(name.encode()).hexdigest()[:8]


def decode(data: dict[str, Any], uplink: Uplink | None = None) -> Desired:
    """Decode the controller's answer; ValueError, KeyError or TypeError when it makes no sense."""
    ports = tuple(
        Port(entry["name"], int(entry["mtu"]), entry.get("admin", "up") == "up", entry.get("description") or "")
        for entry in data["ports"]
    )
    lags = tuple(
        Lag(entry["name"], lag_device(entry["name"]), tuple(entry["members"]), bool(entry["lacp"]), int(entry["mtu"]))
        for entry in data["lags"]
    )
    vnets = tuple(_vnet(entry) for entry in data["vnets"])
    nat = tuple(_nat(entry) for entry in data.get("nat") or ())
    if nat and uplink is not None:
        vnets = (*vnets, _outside(uplink))
    peerings = tuple(_peering(entry) for entry in data.get("peerings") or ())
    return Desired(int(data["generation"]), ports, lags, vnets, nat, peerings, uplink)


def _outside(uplink: Uplink) -> VNet:
    """The outside port as a network of its own, on the one VLAN that no controller gives out."""
    address = str(ipaddress.ip_interface(uplink.address))
    return VNet(0, "outside", 1, 0, (Gateway(address, None),), (Member(uplink.port, False),))


def _nat(entry: dict[str, Any]) -> Nat:
    action, protocol = entry["action"], entry["protocol"]
    if action not in ("snat", "dnat", "accept_snat") or protocol not in ("all", "tcp", "udp", "icmp"):
        raise ValueError(f"NAT rule {entry['name']}: {action} of {protocol} is not known here")
    return Nat(
        name=entry["name"],
        vpc=int(entry["vpc"]),
        action=action,
        protocol=protocol,
        source=str(ipaddress.IPv4Network(entry["source"])),
        source_ports=_span(entry.get("source_ports")),
        destination=str(ipaddress.IPv4Network(entry["destination"])),
        destination_ports=_span(entry.get("destination_ports")),
        outside=tuple(str(ipaddress.IPv4Network(each)) for each in entry.get("outside") or ()),
        to=str(ipaddress.IPv4Address(entry["to"])) if entry.get("to") else "",
        to_ports=_span(entry.get("to_port")),
    )


def _span(ports: list[int] | None) -> tuple[int, int] | None:
    return (int(ports[0]), int(ports[1])) if ports else None


def _peering(entry: dict[str, Any]) -> Peering:
    one, other = (
        (int(side["vpc"]), tuple(str(ipaddress.IPv4Network(route)) for route in side["routes"] if ":" not in route))
        for side in entry["sides"]
    )
    return Peering(int(entry["id"]), entry["name"], (one, other))


def _vnet(entry: dict[str, Any]) -> VNet:
    vlan = int(entry["vlan"])
    if not 1 <= vlan <= 4094:
        raise ValueError(f"V-Net {entry['name']}: VLAN {vlan} does not exist")
    return VNet(
        id=int(entry["id"]),
        name=entry["name"],
        vlan=vlan,
        vpc=int(entry["vpc"]["id"]),
        gateways=tuple(_gateway(gateway) for gateway in entry["gateways"]),
        members=tuple(Member(member["interface"], bool(member["tagged"])) for member in entry["members"]),
    )


def _gateway(entry: dict[str, Any]) -> Gateway:
    address = str(ipaddress.ip_interface(entry["address"]))
    wanted = entry.get("dhcp")
    if not wanted:
        return Gateway(address, None)
    dhcp = Dhcp(
        start=str(ipaddress.ip_address(wanted["start"])),
        end=str(ipaddress.ip_address(wanted["end"])),
        lease_time=int(wanted.get("lease_time") or 86400),
        dns=tuple(wanted.get("dns") or ()),
        domain_search=wanted.get("domain_search") or "",
        options=tuple((int(option["code"]), str(option["value"])) for option in wanted.get("options") or ()),
    )
    return Gateway(address, dhcp)
