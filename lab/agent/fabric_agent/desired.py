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
class Desired:
    generation: int
    ports: tuple[Port, ...]
    lags: tuple[Lag, ...]
    vnets: tuple[VNet, ...]

    def device(self, interface: str) -> str:
        """The kernel's name of a member interface."""
        return next((lag.device for lag in self.lags if lag.name == interface), interface)


def lag_device(name: str) -> str:
    """A name for the bond: the controller's own where the kernel takes it."""
    if _INTERFACE.match(name) and not _RESERVED.match(name):
        return name
    return "lag-" + hashlib.sha256(name.encode()).hexdigest()[:8]


def decode(data: dict[str, Any]) -> Desired:
    """Decode the controller's answer; ValueError, KeyError or TypeError when it makes no sense."""
    ports = tuple(
        Port(entry["name"], int(entry["mtu"]), entry.get("admin", "up") == "up", entry.get("description") or "")
        for entry in data["ports"]
    )
    lags = tuple(
        Lag(entry["name"], lag_device(entry["name"]), tuple(entry["members"]), bool(entry["lacp"]), int(entry["mtu"]))
        for entry in data["lags"]
    )
    return Desired(int(data["generation"]), ports, lags, tuple(_vnet(entry) for entry in data["vnets"]))


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
