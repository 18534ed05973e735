# SPDX-License-Identifier: Apache-2.0
"""How many more tenant clusters fit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from ipaddress import IPv4Network, ip_network
from typing import Any

from .model import Model
from .observed import ObservedFabric


@dataclass(frozen=True)
class Capacity:
    # None: the provider does not tell which ids it chooses from.
    vlan_ids: int | None
    subnets: int

    @property
    def tenant_clusters(self) -> int:
        return self.subnets if self.vlan_ids is None else min(self.vlan_ids, self.subnets)

    def after(self, created: int) -> Capacity:
        """What is left when `created` more tenant clusters have taken theirs."""
        return Capacity(
            vlan_ids=None if self.vlan_ids is None else max(0, self.vlan_ids - created),
            subnets=max(0, self.subnets - created),
        )

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "tenant_clusters": self.tenant_clusters}

    def __str__(self) -> str:
        vlan_ids = "unknown" if self.vlan_ids is None else str(self.vlan_ids)
        return (
            f"room for {self.tenant_clusters} more tenant clusters"
            f" (VLAN ids left: {vlan_ids}, child subnets left: {self.subnets})"
        )


def capacity(model: Model, observed: ObservedFabric) -> Capacity:
    """What the controller could still hand out, as far as can be told from outside."""
    free = None if observed.vlan_ids is None else len(observed.vlan_ids - observed.vlan_ids_used)
    return Capacity(vlan_ids=free, subnets=_free_children(model, observed))


def _free_children(model: Model, observed: ObservedFabric) -> int:
    """Children of the supernet that meet no subnet that exists.

    Counted by arithmetic, since a /8 cut into /30 has four million children.
    """
    supernet = IPv4Network(model.fabric.tenant_supernet)
    length = model.fabric.tenant_prefix_length
    used: set[tuple[int, int]] = set()
    for text in observed.subnets:
        subnet = ip_network(text, strict=False)
        if isinstance(subnet, IPv4Network) and subnet.overlaps(supernet):
            first = max(int(subnet.network_address), int(supernet.network_address))
            last = min(int(subnet.broadcast_address), int(supernet.broadcast_address))
            used.add((first >> (32 - length), last >> (32 - length)))
    taken = 0
    reached = -1
    for start, end in sorted(used):
        start = max(start, reached + 1)
        if end >= start:
            taken += end - start + 1
            reached = end
    return int(2 ** (length - supernet.prefixlen)) - taken
