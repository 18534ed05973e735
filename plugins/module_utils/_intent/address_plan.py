# SPDX-License-Identifier: Apache-2.0
"""What follows from a tenant cluster's subnet: who may use which address in it.

Addresses are counted from the end of the subnet, so the plan of any subnet looks the same. In a /22 with the gateway at
host number 1022 the last /24 ends: .250-.252 control plane, .253 API endpoint, .254 gateway, and DHCP has all below.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Any

# Room for three control-plane pods whatever the number of replicas: going from one to three replicas later must not
# move the DHCP range under the nodes' feet.
MINIMUM_CONTROL_PLANE = 3

# The API endpoint's place: this many addresses below the broadcast address.
VIP_FROM_END = 2


class AddressPlanError(ValueError):
    """The subnet cannot hold the plan."""


@dataclass(frozen=True)
class AddressRange:
    start: str
    end: str

    @property
    def size(self) -> int:
        return int(IPv4Address(self.end)) - int(IPv4Address(self.start)) + 1

    def __contains__(self, address: object) -> bool:
        return int(IPv4Address(self.start)) <= int(IPv4Address(str(address))) <= int(IPv4Address(self.end))


@dataclass(frozen=True)
class AddressPlan:
    subnet: str
    gateway: str
    vip: str
    control_plane: AddressRange
    dhcp: AddressRange
    # Extra control-plane pods that an update may start beside the old ones; 0 where the range has no room for them.
    surge: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def address_plan(subnet: str, gateway: str, replicas: int, surge: int = 0) -> AddressPlan:
    """Divide up `subnet`; `gateway` is its router's address, with or without a prefix length."""
    network = _network(subnet)
    router = _address(gateway)
    if (
        network.prefixlen > 30
        or router not in network
        or router in (network.network_address, network.broadcast_address)
    ):
        raise AddressPlanError(f"gateway {gateway} is not a host address of {subnet}")
    if replicas < 1:
        raise AddressPlanError(f"a control plane needs at least one replica, not {replicas}")

    first, last = int(network.network_address) + 1, int(network.broadcast_address) - 1
    vip = int(network.broadcast_address) - VIP_FROM_END
    if vip == int(router):
        vip = last
    width = max(MINIMUM_CONTROL_PLANE, replicas)
    start = vip - width
    if start <= int(router) < vip:
        # The gateway sits where the control plane would: go below it.
        start = int(router) - width
    dhcp = largest_free_range(subnet, [str(router), *(str(IPv4Address(each)) for each in range(start, last + 1))])
    if start < first or dhcp is None:
        raise AddressPlanError(
            f"{subnet} has no room for the address plan: gateway, API endpoint, {width} control-plane addresses"
            " and at least one address for DHCP"
        )
    return AddressPlan(
        subnet=str(network),
        gateway=str(router),
        vip=str(IPv4Address(vip)),
        control_plane=AddressRange(str(IPv4Address(start)), str(IPv4Address(start + width - 1))),
        dhcp=dhcp,
        surge=surge if replicas + surge <= width else 0,
    )


def largest_free_range(subnet: str, taken: list[str]) -> AddressRange | None:
    """The longest run of host addresses of `subnet` without any of `taken` (the lower one of two equal runs)."""
    network = _network(subnet)
    first, last = int(network.network_address) + 1, int(network.broadcast_address) - 1
    borders = sorted({int(_address(each)) for each in taken if _address(each) in network} - {first - 1, last + 1})
    best: tuple[int, int] | None = None
    start = first
    for border in [*borders, last + 1]:
        if border > start and (best is None or border - start > best[1] - best[0] + 1):
            best = (start, border - 1)
        start = border + 1
    return AddressRange(str(IPv4Address(best[0])), str(IPv4Address(best[1]))) if best else None


def _network(text: str) -> IPv4Network:
    try:
        return IPv4Network(text, strict=True)
    except (AddressValueError, NetmaskValueError, ValueError) as error:
        raise AddressPlanError(f"{text!r} is not an IPv4 network: {error}") from error


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text.partition("/")[0])
    except AddressValueError as error:
        raise AddressPlanError(f"{text!r} is not an IPv4 address: {error}") from error
