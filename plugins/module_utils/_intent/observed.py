# SPDX-License-Identifier: Apache-2.0
"""The present as far as the intent's rules ask for it, in no provider's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SwitchPort:
    switch: str
    port: str


@dataclass(frozen=True)
class ObservedServer:
    """NICs that the provider knows, each with the switch port at the other end of its cable, if there is a cable."""

    name: str
    nics: Mapping[str, SwitchPort | None]


@dataclass(frozen=True)
class ObservedCluster:
    """A server cluster: one customer's or the host cluster's membership of servers in a VLAN."""

    name: str
    template: str
    vpc: str
    shared: Sequence[str]
    dedicated: Sequence[str]


@dataclass(frozen=True)
class ObservedNat:
    """A NAT rule: its public addresses, and whether it is ours."""

    name: str
    vpc: str
    addresses: Sequence[str]
    owned: bool


@dataclass(frozen=True)
class ObservedPeering:
    name: str
    vpcs: tuple[str, str]


@dataclass(frozen=True)
class ObservedFabric:
    sites: Sequence[str]
    owners: Sequence[str]
    servers: Mapping[str, ObservedServer]
    # By switch: why its agent is not healthy, or None when it is.
    switches: Mapping[str, str | None]
    clusters: Mapping[str, ObservedCluster]
    # VLAN ids that the provider may choose from, and those in use; None when it does not tell.
    vlan_ids: frozenset[int] | None
    vlan_ids_used: frozenset[int]
    # Prefixes of all subnets, in all VPCs.
    subnets: Sequence[str]
    vpcs: Sequence[str] = ()
    vpc_subnets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # Prefixes of the site's subnets for NAT.
    nat_subnets: Sequence[str] = ()
    nat_rules: Sequence[ObservedNat] = ()
    peerings: Sequence[ObservedPeering] = ()
    # Where servers and cables are written down, for messages.
    where: str = "Netris"
    # Places and what stands in the way there, whatever is to be done.
    obstacles: Sequence[tuple[str, str]] = ()
    # By server, places and what is wrong with its cables there.
    cable_problems: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
