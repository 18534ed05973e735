# SPDX-License-Identifier: Apache-2.0
"""Which VLAN id and which subnet a new network gets: always the lowest free one. Pure."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import AbstractSet, Any, Iterable, Mapping

from .errors import SwitchError
from .model import Network, address


def vlan_ids(text: str) -> list[int]:
    """The ids of "100-199,300", in order; those that no network can have are left out."""
    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        low, _dash, high = part.partition("-")
        if low.isdigit() and (high or low).isdigit():
            found.update(range(max(2, int(low)), min(4094, int(high or low)) + 1))
    return sorted(found)


def allocate(
    entry: Mapping[str, Any],
    networks: Mapping[str, Network],
    ids: Iterable[int],
    foreign: AbstractSet[int],
    known: Mapping[str, Any] | None = None,
) -> Network:
    """The network that `entry` asks for, beside those that there are; SwitchError when nothing is left.

    `known` is what another switch has already given it, `foreign` are VLAN ids in use that are not ours.
    """
    name = str(entry["name"])
    if known is not None:
        vlan_id, subnet = int(known["vlan_id"]), str(known["subnet"])
    else:
        used = {network.vlan_id for network in networks.values()} | foreign
        free = next((each for each in ids if each not in used), None)
        if free is None:
            raise SwitchError(f"no VLAN id is left for {name}: widen fabric_vlan_range")
        vlan_id, subnet = free, str(entry.get("subnet") or _child(name, entry, networks))
    return address(Network(name=name, vlan_id=vlan_id, subnet=subnet, gateway=""), entry)


def _child(name: str, entry: Mapping[str, Any], networks: Mapping[str, Network]) -> str:
    """Steps over whole neighbours, since a /8 cut into /30 has four million children."""
    supernet, length = IPv4Network(entry["supernet"]), int(entry["prefix_length"])
    taken = [IPv4Network(each.subnet) for each in networks.values()]
    size = 2 ** (32 - length)
    first = int(supernet.network_address)
    while first + size - 1 <= int(supernet.broadcast_address):
        child = IPv4Network((first, length))
        met = next((each for each in taken if each.overlaps(child)), None)
        if met is None:
            return str(child)
        first = max(int(met.broadcast_address) + 1, first + size)
        first += -(first - int(supernet.network_address)) % size
    raise SwitchError(f"no /{length} is left in {supernet} for {name}: widen fabric_tenant_supernet")
